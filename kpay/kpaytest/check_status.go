package kpaytest

// checkStatus is the action checkstatus: by tid, by refid, or by both when they
// agree. The lock is held.
func (f *Fake) checkStatus(req request) answer {
	tid, refID := req[fieldTID], req[fieldRefID]
	if tid == "" && refID == "" {
		return f.refuseWith(missingParameters.naming([]string{fieldTID, fieldRefID}), "")
	}
	p := f.state.byRefID[refID]
	if refID == "" {
		p = f.state.byTID[tid]
	}
	if p == nil || tid != "" && f.state.byTID[tid] != p || f.lagging(p) {
		return answer{"tid": "", "refid": "", "momtransactionid": "", "statusid": "611", "statusdesc": "Transaction not found"}
	}
	return f.status(p)
}

func (f *Fake) lagging(p *Payment) bool {
	lag := f.config.LookupLag
	if p.Outcome == OutcomeLagging {
		lag = max(lag, laggingFor)
	}
	return lag > 0 && f.world.Now().Sub(p.Created) < lag
}

// status is a payment as status answers and postbacks show it.
func (f *Fake) status(p *Payment) answer {
	a := answer{
		"tid": p.StatusTID, "refid": p.RefID, "momtransactionid": p.MoMoTransactionID,
		"statusid": string(p.StatusID), "statusdesc": p.StatusDesc,
	}
	if p.PayAccount != "" && !f.config.OmitPayAccount {
		a["payaccount"] = p.PayAccount
	}
	return a
}
