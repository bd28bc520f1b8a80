/* iconv.c: names in other encodings, by the C library. */
#include "shim.h"

#include <errno.h>
#include <iconv.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* Go keeps a pointer to this: musl's iconv_t is a number, which Go would take for a bad pointer. */
struct gf_iconv {
	iconv_t cd;
};

/* Returns 0, or an errno: EINVAL where there is no such conversion. Either way *out is to be closed. */
int gf_iconv_open(const char *to, const char *from, struct gf_iconv **out)
{
	struct gf_iconv *c = malloc(sizeof(*c));

	*out = c;
	if (c == NULL)
		return ENOMEM;
	c->cd = iconv_open(to, from);
	return c->cd == (iconv_t)-1 ? errno : 0;
}

void gf_iconv_close(struct gf_iconv *c)
{
	if (c != NULL && c->cd != (iconv_t)-1)
		iconv_close(c->cd);
	free(c);
}

/*
 * Converts in, which begins in the initial shift state, to out, which ends in it. *outlen is the room there, then what is in it. Returns 0,
 * E2BIG, or EILSEQ: also for what cannot be converted back (musl puts a '*' in its place, glibc what //TRANSLIT allows).
 */
int gf_iconv_convert(struct gf_iconv *c, const char *in, size_t inlen, char *out, size_t *outlen)
{
	char *from = (char *)(uintptr_t)in; /* only read */
	size_t left = *outlen;
	size_t n;

	iconv(c->cd, NULL, NULL, NULL, NULL);
	n = iconv(c->cd, &from, &inlen, &out, &left);
	if (n == 0)
		n = iconv(c->cd, NULL, NULL, &out, &left);
	*outlen -= left;
	if (n == (size_t)-1 && errno == E2BIG)
		return E2BIG;
	return n == 0 ? 0 : EILSEQ;
}

/* The encoding of the environment's locale, to be freed. NULL where that locale is not installed, or memory is short. */
char *gf_codeset(void)
{
	locale_t loc = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	char *name;

	if (loc == (locale_t)0)
		return NULL;
	name = strdup(nl_langinfo_l(CODESET, loc));
	freelocale(loc);
	return name;
}
