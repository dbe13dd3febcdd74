package transport

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	tokenEarly   = time.Minute      // renew this long before the end ...
	tokenBackoff = 30 * time.Second // ... and after a failed early renewal not sooner than this
	tokenTimeout = 2 * time.Minute  // the longest one login may take, retries included
)

// Token is a credential with a lifetime.
type Token struct {
	Value   string
	Expires time.Time // zero: never
}

// TokenSource hands out a token and renews it: one login for all waiting
// callers, ahead of expiry while the old token still serves, and anew once the
// provider refuses one. The login runs detached from the caller who started it,
// so that his cancellation does not fail the others.
type TokenSource struct {
	login   func(context.Context) (Token, error)
	current atomic.Pointer[held]

	mu      sync.Mutex
	flight  *flight
	earlyAt time.Time // next early renewal, after one has failed
}

type held struct {
	Token
	renewAt time.Time // zero: never
}

type flight struct {
	done  chan struct{}
	token *held
	err   error
}

// NewTokenSource returns a source that logs in when it must.
func NewTokenSource(login func(context.Context) (Token, error)) *TokenSource {
	return &TokenSource{login: login}
}

// Get returns a token that was valid a moment ago.
func (s *TokenSource) Get(ctx context.Context) (string, error) {
	if t := s.current.Load(); t != nil {
		if t.Expires.IsZero() {
			return t.Value, nil
		}
		now := time.Now()
		if now.Before(t.renewAt) {
			return t.Value, nil
		}
		if now.Before(t.Expires) {
			s.renewEarly(ctx, now)
			return t.Value, nil
		}
	}
	s.mu.Lock()
	// The flight that has just landed may have brought what is wanted here.
	if t := s.current.Load(); t != nil && (t.Expires.IsZero() || time.Now().Before(t.Expires)) {
		s.mu.Unlock()
		return t.Value, nil
	}
	f := s.start(ctx)
	s.mu.Unlock()
	select {
	case <-f.done:
		if f.err != nil {
			return "", f.err
		}
		return f.token.Value, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Drop forgets a token which the provider has refused. Another token, renewed
// meanwhile, stays.
func (s *TokenSource) Drop(value string) {
	if t := s.current.Load(); t != nil && t.Value == value {
		s.current.CompareAndSwap(t, nil)
	}
}

func (s *TokenSource) renewEarly(ctx context.Context, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.earlyAt) {
		return
	}
	s.earlyAt = now.Add(tokenBackoff)
	s.start(ctx)
}

// start joins the login under way or begins one. The lock is held.
func (s *TokenSource) start(ctx context.Context) *flight {
	if s.flight != nil {
		return s.flight
	}
	f := &flight{done: make(chan struct{})}
	s.flight = f
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tokenTimeout)
		defer cancel()
		f.err = errLoginPanicked
		defer func() {
			s.mu.Lock()
			if f.err == nil {
				s.current.Store(f.token)
				s.earlyAt = time.Time{}
			}
			s.flight = nil
			s.mu.Unlock()
			close(f.done)
		}()
		token, err := s.login(ctx)
		if err == nil && token.Value == "" {
			err = errLoginEmpty
		}
		f.err = err
		if err == nil {
			f.token = hold(token)
		}
	}()
	return f
}

func hold(t Token) *held {
	h := &held{Token: t}
	if !t.Expires.IsZero() {
		// A short token is renewed when a fifth of its life is left.
		early := min(tokenEarly, time.Until(t.Expires)/5)
		h.renewAt = t.Expires.Add(-max(early, 0))
	}
	return h
}
