using System.Text.Json;
using Cloister.Attestation.Abi.Nitro;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Appraise.Rules;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Attestation.Verify;

namespace Cloister.Attestation.Tests.Nitro;

/// <summary>Every verdict, field, measurement and mutation of the real Nitro cases.</summary>
public sealed class NitroManifestTests
{
    public static TheoryData<string> Names => [.. EvidenceDirectory.Cases("nitro").Select(d => Path.GetFileName(d)).DefaultIfEmpty("none")];

    [Theory, MemberData(nameof(Names))]
    public void Every_verdict_is_the_manifests(string name)
    {
        NitroCase evidence = NitroCase.Get(name);
        foreach (JsonElement verdict in evidence.Manifest.GetProperty("verdicts").EnumerateArray())
        {
            VerificationResult result = evidence.Verify(time: VerificationTime.At(verdict.GetProperty("at").GetDateTimeOffset()));
            Assert.Equal(verdict.GetProperty("signature_and_chain").GetString() == "ok", result.IsAuthentic);
            if (result.IsAuthentic)
            {
                Assert.Equal(verdict.GetProperty("debug").GetBoolean(), result.UnappraisedClaims.Debug);
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_register_and_field_is_the_manifests(string name)
    {
        NitroCase evidence = NitroCase.Get(name);
        VerificationResult result = evidence.Verify();
        Assert.True(result.IsAuthentic, result.Failure?.ToString());
        NitroClaims claims = Assert.IsType<NitroClaims>(result.UnappraisedClaims);
        JsonElement document = evidence.Manifest.GetProperty("document");
        Assert.Equal(document.GetProperty("module_id").GetString(), claims.Document.ModuleId);
        Assert.Equal(document.GetProperty("digest").GetString(), claims.Document.Digest);
        Assert.Equal(document.GetProperty("timestamp_ms").GetUInt64(), claims.Document.TimestampMilliseconds);
        Assert.Equal(document.GetProperty("pcrs").EnumerateObject().Count(), claims.Document.Pcrs.Present.Count());
        foreach (JsonProperty register in document.GetProperty("pcrs").EnumerateObject())
        {
            Assert.True(claims.All.TryGet("pcr" + register.Name, out ClaimValue? value));
            Assert.Equal(register.Value.GetString(), value.ToString());
        }

        foreach (string field in (string[])["user_data", "nonce", "public_key"])
        {
            string? expected = document.GetProperty(field).GetString();
            Assert.Equal(expected is not null, claims.All.TryGet(field, out ClaimValue? value));
            Assert.Equal(expected, value?.ToString());
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Message_and_chain_are_the_manifests(string name)
    {
        NitroCase evidence = NitroCase.Get(name);
        CoseSign1 message = CoseSign1.Parse(evidence.Document);
        JsonElement cose = evidence.Manifest.GetProperty("cose");
        Assert.Equal(cose.GetProperty("tagged").GetBoolean(), message.IsTagged);
        Assert.StartsWith(Convert.ToHexStringLower(message.ProtectedHeader.Span), cose.GetProperty("protected").GetString(), StringComparison.Ordinal);
        Assert.Equal(cose.GetProperty("payload_indefinite_length_map").GetBoolean(), message.Payload.Span[0] == 0xBF);

        NitroDocument document = NitroDocument.Parse(message.Payload, message.PayloadOffset);
        List<Certificate> chain = [Certificate.Parse(document.Certificate), .. document.CaBundle.Reverse().Select(Certificate.Parse)];
        Assert.Equal(
            evidence.Manifest.GetProperty("chain").EnumerateArray().Select(c => (c.GetProperty("not_before").GetDateTimeOffset(), c.GetProperty("not_after").GetDateTimeOffset())),
            chain.Select(c => (c.NotBefore, c.NotAfter)));
    }

    [Theory, MemberData(nameof(Names))]
    public void The_strict_policy_answers_as_the_manifest_does(string name)
    {
        NitroCase evidence = NitroCase.Get(name);
        AppraisalPolicy policy = new("strict", new PolicySection(Tee.Nitro, [new DebugRule()], RequiredRules.For(Tee.Nitro).Except(["debug"])));
        AppraisalResult answer = Appraiser.Appraise(evidence.Verify(), policy);
        Assert.Equal(evidence.Manifest.GetProperty("verdicts")[0].GetProperty("strict_policy").GetString() == "accept", answer.IsAccepted);
        Assert.All(answer.Failures, failure => Assert.Equal("debug", failure.Step));
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_mutation_is_refused(string name)
    {
        NitroCase evidence = NitroCase.Get(name);
        int count = 0;
        foreach (Mutation mutation in evidence.Manifest.GetProperty("mutations").EnumerateArray().Select(e => new Mutation(e)))
        {
            VerificationResult result = mutation.Operation == "use"
                ? evidence.Verify(anchors: TrustAnchors.Amd)
                : evidence.Verify(document: mutation.Apply(evidence.Document));
            Assert.False(result.IsAuthentic, mutation.What);
            Assert.NotEmpty(result.Failure.Code);
            count++;
        }

        Assert.True(count >= 7, $"only {count} mutations");
    }

    [Theory, MemberData(nameof(Names))]
    public void The_document_is_valid_exactly_as_long_as_its_certificates(string name)
    {
        NitroCase evidence = NitroCase.Get(name);
        DateTimeOffset from = evidence.Manifest.GetProperty("fully_valid_from").GetDateTimeOffset();
        DateTimeOffset until = evidence.Manifest.GetProperty("fully_valid_until").GetDateTimeOffset();
        Assert.True(evidence.Verify(time: VerificationTime.At(from)).IsAuthentic);
        Assert.Equal("not_yet_valid", evidence.Verify(time: VerificationTime.At(from.AddSeconds(-1))).Failure?.Code);
        Assert.True(evidence.Verify(time: VerificationTime.At(until)).IsAuthentic);
        Assert.Contains(evidence.Verify(time: VerificationTime.At(until.AddSeconds(1))).Failure?.Code, (string[])["expired", "too_old"]);
    }
}
