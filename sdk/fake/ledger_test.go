package fake_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

var purse = fake.Account{Owner: "owner", Currency: "KES"}

func entry(id, amount string) fake.Entry {
	return fake.Entry{ID: id, Account: purse, Amount: decimal.RequireFromString(amount), Kind: "TEST"}
}

func openLedger(overdraft int64) *fake.Ledger {
	l := fake.NewLedger()
	l.Open(purse, decimal.NewFromInt(overdraft))
	return l
}

func wantMoney(t *testing.T, want string, got decimal.Decimal) {
	t.Helper()
	assert.True(t, decimal.RequireFromString(want).Equal(got), "want %s, got %s", want, got)
}

func TestLedgerPostsCreditsAndDebits(t *testing.T) {
	t.Parallel()
	l := openLedger(0)
	require.NoError(t, l.Post(entry("1", "0.30")))
	require.NoError(t, l.Post(entry("2", "-0.10")))
	require.NoError(t, l.Post(entry("3", "-0.20")))
	wantMoney(t, "0", l.Balance(purse))
	assert.ErrorIs(t, l.Post(entry("4", "-0.01")), fake.ErrInsufficient)
	assert.Equal(t, 3, l.Len(purse))
	require.NoError(t, l.Check())
}

func TestLedgerOverdraft(t *testing.T) {
	t.Parallel()
	l := openLedger(500)
	assert.True(t, l.Covers(purse, decimal.NewFromInt(500)))
	assert.False(t, l.Covers(purse, decimal.RequireFromString("500.01")))
	require.NoError(t, l.Post(entry("1", "-500")))
	assert.ErrorIs(t, l.Post(entry("2", "-1")), fake.ErrInsufficient)
	require.NoError(t, l.Adjust(entry("3", "-1")), "an adjustment knows no limit")
	wantMoney(t, "-501", l.Balance(purse))
	l.Open(purse, decimal.NewFromInt(502))
	require.NoError(t, l.Post(entry("4", "-1")))
	require.NoError(t, l.Check())
}

func TestLedgerReservesAndSettles(t *testing.T) {
	t.Parallel()
	l := openLedger(0)
	require.NoError(t, l.Post(entry("in", "100")))
	require.NoError(t, l.Reserve(entry("a", "-60")))
	wantMoney(t, "100", l.Balance(purse))
	wantMoney(t, "40", l.Available(purse))
	assert.ErrorIs(t, l.Reserve(entry("b", "-41")), fake.ErrInsufficient)
	require.NoError(t, l.Reserve(entry("c", "-40")))
	require.NoError(t, l.Reserve(entry("credit", "1000")))
	wantMoney(t, "0", l.Available(purse))

	require.NoError(t, l.Move("a", fake.EntryPosted))
	require.NoError(t, l.Move("c", fake.EntryFailed))
	wantMoney(t, "40", l.Balance(purse))
	wantMoney(t, "40", l.Available(purse))
	require.NoError(t, l.Move("credit", fake.EntryPosted))
	wantMoney(t, "1040", l.Balance(purse))

	assert.ErrorIs(t, l.Move("a", fake.EntryFailed), fake.ErrIllegalMove, "ended already")
	assert.ErrorIs(t, l.Move("nobody", fake.EntryPosted), fake.ErrNotFound)
	require.NoError(t, l.Reserve(entry("d", "1")))
	assert.ErrorIs(t, l.Move("d", fake.EntryPending), fake.ErrIllegalMove)
	require.NoError(t, l.Check())
}

func TestLedgerRefusesWhatItCannotFile(t *testing.T) {
	t.Parallel()
	l := openLedger(0)
	require.NoError(t, l.Post(entry("1", "5")))
	assert.Error(t, l.Post(entry("1", "5")), "the same id twice")
	assert.Error(t, l.Post(entry("", "5")), "no id")
	foreign := entry("2", "5")
	foreign.Account.Currency = "USD"
	assert.ErrorIs(t, l.Post(foreign), fake.ErrNotFound, "no such account")
	wantMoney(t, "5", l.Balance(purse))
	wantMoney(t, "0", l.Balance(foreign.Account))
	assert.False(t, l.Covers(foreign.Account, decimal.Zero))
}

func TestADebitBeyondTheLimitIsAnIllegalMove(t *testing.T) {
	t.Parallel()
	assert.ErrorIs(t, fake.ErrInsufficient, fake.ErrIllegalMove)
	assert.NotErrorIs(t, fake.ErrIllegalMove, fake.ErrInsufficient)
	assert.NotErrorIs(t, fake.ErrInsufficient, fake.ErrNotFound)
}

func TestLedgerEntriesAreOldestFirstCopies(t *testing.T) {
	t.Parallel()
	l := openLedger(0)
	require.NoError(t, l.Post(entry("1", "5")))
	require.NoError(t, l.Post(entry("2", "-3")))
	entries := l.Entries(purse)
	require.Len(t, entries, 2)
	assert.Equal(t, "1", entries[0].ID)
	assert.Equal(t, "2", entries[1].ID)
	entries[0].ID = "changed"
	assert.Equal(t, "1", l.Entries(purse)[0].ID)
	assert.Empty(t, l.Entries(fake.Account{Owner: "nobody"}))
}

func TestLedgerDebitsLeaveOutCreditsFailedAndForeignEntries(t *testing.T) {
	t.Parallel()
	l := openLedger(0)
	other := fake.Account{Owner: "another", Currency: "KES"}
	l.Open(other, decimal.NewFromInt(100))
	begin := time.Date(2026, 4, 3, 9, 0, 0, 0, time.UTC)
	at := func(id, amount, reference string, minute int) fake.Entry {
		e := entry(id, amount)
		e.Reference, e.Created = reference, begin.Add(time.Duration(minute)*time.Minute)
		return e
	}
	require.NoError(t, l.Post(at("credit", "100", "r", 0)))
	require.NoError(t, l.Post(at("posted", "-1", "r", 1)))
	require.NoError(t, l.Reserve(at("failed", "-2", "r", 2)))
	require.NoError(t, l.Move("failed", fake.EntryFailed))
	require.NoError(t, l.Reserve(at("pending", "-3", "r", 4)))
	require.NoError(t, l.Post(at("foreign", "-4", "s", 5)))
	elsewhere := at("elsewhere", "-5", "t", 3)
	elsewhere.Account = other
	require.NoError(t, l.Post(elsewhere))

	ids := func(entries []fake.Entry) (ids []string) {
		for _, e := range entries {
			ids = append(ids, e.ID)
		}
		return ids
	}
	assert.Equal(t, []string{"posted", "pending"}, ids(l.Debits("r")))
	assert.Equal(t, []string{"posted", "elsewhere", "pending"}, ids(l.Debits("r", "t")), "oldest first, over all accounts")
	assert.Empty(t, l.Debits("nobody"))
	assert.Empty(t, l.Debits())
}

func TestLedgerPagesNewestFirst(t *testing.T) {
	t.Parallel()
	l := openLedger(0)
	for i := range 7 {
		require.NoError(t, l.Post(entry(fmt.Sprint(i), "1")))
	}
	for skip, want := range map[int][]string{0: {"6", "5", "4"}, 5: {"1", "0"}, 7: nil, 99: nil} {
		var got []string
		for _, e := range l.Page(purse, skip, 3) {
			got = append(got, e.ID)
		}
		assert.Equal(t, want, got)
	}
}

func TestLedgerRandomOperationsKeepItsSums(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	l := openLedger(1000)
	for i := range 3000 {
		e := entry(fmt.Sprint(i), decimal.New(r.Int64N(200001)-100000, -2).String())
		known := fmt.Sprint(r.IntN(i + 1))
		var err error
		switch r.IntN(4) {
		case 0:
			err = l.Post(e)
		case 1:
			err = l.Reserve(e)
		case 2:
			err = l.Move(known, fake.EntryPosted)
		case 3:
			err = l.Move(known, fake.EntryFailed)
		}
		_ = err // refusals are part of the game; what counts is what is left
		require.True(t, l.Available(purse).GreaterThanOrEqual(decimal.NewFromInt(-1000)))
	}
	require.NoError(t, l.Check())

	saved, err := json.Marshal(l)
	require.NoError(t, err)
	again := fake.NewLedger()
	require.NoError(t, json.Unmarshal(saved, again))
	require.NoError(t, again.Check())
	assert.True(t, l.Balance(purse).Equal(again.Balance(purse)))
	assert.True(t, l.Available(purse).Equal(again.Available(purse)))
	assert.Equal(t, l.Len(purse), again.Len(purse))
}

func TestLedgerRefusesABrokenDocument(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no list":         `{}`,
		"account twice":   `[{"owner":"a","currency":"b","overdraft":"0"},{"owner":"a","currency":"b","overdraft":"0"}]`,
		"foreign entry":   `[{"owner":"a","currency":"b","overdraft":"0","entries":[{"id":"1","amount":"1","status":"posted","account":{"owner":"x","currency":"b"}}]}]`,
		"no entry":        `[{"owner":"a","currency":"b","overdraft":"0","entries":[null]}]`,
		"unknown status":  `[{"owner":"a","currency":"b","overdraft":"0","entries":[{"id":"1","amount":"1","status":"?","account":{"owner":"a","currency":"b"}}]}]`,
		"amount no money": `[{"owner":"a","currency":"b","overdraft":"0","entries":[{"id":"1","amount":"x","status":"posted","account":{"owner":"a","currency":"b"}}]}]`,
	} {
		assert.Error(t, json.Unmarshal([]byte(text), fake.NewLedger()), name)
	}
}
