using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Cloister.Attestation;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Forms;
using Cloister.Attestation.Policies;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Attestation.Verify.Snp;

// A service that admits attested clients. A client asks for a nonce, puts SHA-512 of it into the report data of its evidence, and shows the evidence once.
// Settings: Policy (YAML file), Collateral (directory), Root (roots to trust instead of the vendors', for tests).
TimeSpan lifetime = TimeSpan.FromMinutes(1);
WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = EvidenceForms.MaximumLength);
WebApplication app = builder.Build();
AppraisalPolicy policy = AppraisalPolicyReader.Read(File.ReadAllText(app.Configuration["Policy"] ?? throw new InvalidOperationException("Policy names no file"))).Policy
    ?? throw new InvalidOperationException("the policy has errors: 'cloister policy validate' lists them");
string collateral = app.Configuration["Collateral"] ?? throw new InvalidOperationException("Collateral names no directory");
TrustAnchors? roots = app.Configuration["Root"] is { } file ? TrustAnchors.Of(CollateralDirectory.ReadRoots(file)) : null;
ConcurrentDictionary<string, DateTimeOffset> nonces = new();

app.MapPost("/nonce", () =>
{
    DateTimeOffset now = DateTimeOffset.UtcNow;
    foreach (KeyValuePair<string, DateTimeOffset> old in nonces.Where(one => one.Value < now))
    {
        nonces.TryRemove(old);
    }

    string nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
    nonces[nonce] = now + lifetime;
    return nonce;
});

app.MapPost("/admit/{nonce}", async (string nonce, HttpRequest request) =>
{
    // Removed before it is looked at: a nonce counts once, whatever comes of it.
    if (!nonces.TryRemove(nonce, out DateTimeOffset until) || until < DateTimeOffset.UtcNow)
    {
        return Results.Json(new { admitted = false, why = "ask for another nonce" }, statusCode: 403);
    }

    using MemoryStream body = new();
    await request.Body.CopyToAsync(body);
    AppraisalResult answer = Judge(body.ToArray(), SHA512.HashData(Encoding.ASCII.GetBytes(nonce)));
    return answer.IsAccepted
        ? Results.Json(new { admitted = true, why = "" })
        : Results.Json(new { admitted = false, why = string.Join("; ", answer.Failures.Select(failure => $"{failure.Step}: {failure.Code}")) }, statusCode: 403);
});

await app.RunAsync();

AppraisalResult Judge(byte[] evidence, byte[] reportData)
{
    VerificationTime now = VerificationTime.At(DateTimeOffset.UtcNow);
    try
    {
        EvidenceInput input = EvidenceForms.Read(evidence);
        TrustAnchors anchors = roots ?? TrustAnchors.ForVendorOf(input.Tee);
        VerificationResult result = input.Tee switch
        {
            Tee.Sgx or Tee.Tdx => DcapVerifier.Verify(input.Tee, input.Bytes, CollateralDirectory.ReadDcap(collateral), anchors, now),
            Tee.Snp => SnpVerifier.Verify(input.Bytes, input.Endorsements, anchors, now),
            Tee.Nitro => NitroVerifier.Verify(input.Bytes, anchors, now),
            _ => throw new EvidenceFormatException("evidence", 0, "of a kind that this service does not take"),
        };

        // Authentic is not enough: the policy says which code, and that the evidence was made for this nonce.
        return Appraiser.Appraise(result, policy, Expectations.OfReportData(reportData));
    }
    catch (EvidenceFormatException e)
    {
        return Appraiser.Appraise(VerificationResult.NotAuthentic(Tee.Sgx, e.ToFailure("evidence_form")), policy);
    }
}
