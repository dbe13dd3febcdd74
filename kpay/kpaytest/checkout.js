const form = document.forms[0]
// What the payer typed stays in his browser, so that a wrong digit costs that digit
// alone and no card number comes back in a page.
if (form) {
  const fields = [form.elements.card_number, form.elements.expiry_date, form.elements.cvv]
  const kept = JSON.parse(sessionStorage.getItem("card") || "[]")
  sessionStorage.removeItem("card")
  if (document.querySelector(".problem")) fields.forEach((f, i) => { f.value = kept[i] || "" })
  form.addEventListener("submit", () => sessionStorage.setItem("card", JSON.stringify(fields.map(f => f.value))))
  for (const b of document.querySelectorAll("[data-card]")) b.addEventListener("click", () => {
    const card = [b.dataset.card, b.dataset.expiry, "123"]
    fields.forEach((f, i) => { f.value = card[i] })
    document.querySelector(".pay").focus()
  })
}
