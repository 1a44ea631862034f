using Cloister.Attestation.Abi.Dcap;

namespace Cloister.Attestation.Verify.Dcap.Steps;

/// <summary>The evidence is a well-formed quote of the TEE that the caller expects.</summary>
internal sealed class ParseQuoteStep() : VerificationStep<DcapContext>("parse_quote", "SGX ECDSA Quote Library Reference, A.4; TDX DCAP Quote Generation Library Reference, A.3")
{
    public override StepFailure? Check(DcapContext context)
    {
        context.Quote = DcapQuote.Parse(context.QuoteBytes);
        return context.Quote.Tee == context.Tee
            ? null
            : Fail("wrong_tee", $"a {TeeNames.NameOf(context.Quote.Tee)} quote where {TeeNames.NameOf(context.Tee)} was expected");
    }
}
