package kapitentest_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kapiteni/kapiten-go/kapiten/kapitentest"
)

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		kapitentest.New(kapitentest.Config{}).Close()
	}
}

func request(method, path, body, token string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Token "+token)
	return r
}

func BenchmarkCreateRide(b *testing.B) {
	srv := kapitentest.New(kapitentest.Config{})
	defer srv.Close()
	co := srv.AddCompany(kapitentest.Company{Balance: francs(1_000_000_000_000)})
	body := order(b, co)
	for b.Loop() {
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, request("POST", "/api/rides/", body, co.Token))
		if rec.Code != http.StatusCreated {
			b.Fatal(rec.Body)
		}
	}
}

// BenchmarkPage shows that a page costs the same however long the list is.
func BenchmarkPage(b *testing.B) {
	for _, rides := range []int{100, 100_000} {
		srv := kapitentest.New(kapitentest.Config{})
		co := srv.AddCompany(kapitentest.Company{Balance: francs(1_000_000_000_000)})
		body := order(b, co)
		for range rides {
			srv.ServeHTTP(httptest.NewRecorder(), request("POST", "/api/rides/", body, co.Token))
		}
		for _, list := range []string{"rides", "transactions"} {
			for _, page := range []string{"1", "3", "last"} {
				b.Run(list+"/"+strconv.Itoa(rides)+"/page="+page, func(b *testing.B) {
					for b.Loop() {
						rec := httptest.NewRecorder()
						srv.ServeHTTP(rec, request("GET", "/api/companies/"+co.ID+"/"+list+"/?page="+page, "", co.Token))
						if rec.Code != http.StatusOK {
							b.Fatal(rec.Body)
						}
					}
				})
			}
		}
		srv.Close()
	}
}

// BenchmarkAnHour advances an hour with 10,000 rides under way, whose callbacks a
// receiver behind a socket gets, and with a receiver that is down.
func BenchmarkAnHour(b *testing.B) {
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	down := httptest.NewServer(nil)
	down.Close()
	for name, hook := range map[string]string{"received": receiver.URL, "refused": down.URL} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				srv := kapitentest.New(kapitentest.Config{Autopilot: true})
				co := srv.AddCompany(kapitentest.Company{Balance: francs(1_000_000_000_000), WebhookURL: hook})
				body := order(b, co)
				for range 10_000 {
					srv.ServeHTTP(httptest.NewRecorder(), request("POST", "/api/rides/", body, co.Token))
				}
				b.StartTimer()
				srv.Advance(time.Hour)
				b.StopTimer()
				srv.Close()
				b.StartTimer()
			}
		})
	}
}
