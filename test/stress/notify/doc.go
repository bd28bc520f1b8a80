// Package notify is a test: notifications of all kinds, at random, on a mount that is busy and goes away and comes back all the time. STRESS_TIME says
// for how long (10m under `make stress`).
package notify
