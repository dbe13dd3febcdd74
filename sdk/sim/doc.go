// Package sim simulates a merchant's whole day with faults, from a seed.
package sim
