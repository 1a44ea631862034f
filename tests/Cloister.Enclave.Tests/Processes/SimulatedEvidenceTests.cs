using System.Collections.Concurrent;
using System.Text.Json;
using Cloister.Attestation;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Enclave.Tests.Broker;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Processes;

/// <summary>cloister-enclave-sim with evidence of a simulated vendor, verified by the verifier that brokers use.</summary>
public sealed class SimulatedEvidenceTests : IDisposable
{
    private const string Measurement = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    private const int DebugFlag = 2;

    private readonly TestFolder _folder = new();
    private readonly ConcurrentQueue<VerificationResult> _verdicts = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Its_evidence_verifies_covers_report_data_and_gets_a_KEK_from_a_broker()
    {
        await using TestBroker broker = await StartBrokerAsync();
        using EnclaveProcess process = Start("honest", broker, $"\n  measurement: {Measurement}");

        await SaysAsync(process, ", ok");

        Assert.Equal(Convert.FromHexString(Measurement), Claim(ClaimNames.MrEnclave));
        Assert.Equal(0, Claim(ClaimNames.Attributes)[0] & DebugFlag);
        process.Stop();
        Assert.Equal(0, await process.ExitAsync(TimeSpan.FromSeconds(10)));
    }

    [Theory]
    [InlineData("quote-signature", "quote_signature")]
    [InlineData("report-data", null)]
    [InlineData("replay", null)]
    public async Task Tampered_evidence_gets_none(string tamper, string? step)
    {
        await using TestBroker broker = await StartBrokerAsync();
        using (EnclaveProcess honest = Start("honest", broker))
        {
            await SaysAsync(honest, ", ok");
            honest.Stop();
            await honest.ExitAsync(TimeSpan.FromSeconds(10));
        }

        _verdicts.Clear();
        using EnclaveProcess process = Start("tampered", broker, $"\n  tamper: {tamper}");

        await SaysAsync(process, "AttestationError");

        Assert.True(_verdicts.TryPeek(out VerificationResult? verdict));
        Assert.Equal(step, verdict.Failure?.Step);
        Assert.DoesNotContain(", ok", process.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_debug_enclave_says_so()
    {
        await using TestBroker broker = await StartBrokerAsync();
        using EnclaveProcess process = Start("debug", broker, "\n  debug: true");

        await SaysAsync(process, ", ok");

        Assert.Equal(DebugFlag, Claim(ClaimNames.Attributes)[0] & DebugFlag);
    }

    private byte[] Claim(string name)
    {
        Assert.True(_verdicts.TryPeek(out VerificationResult? verdict));
        return Claim(verdict, name);
    }

    private static byte[] Claim(VerificationResult verdict, string name)
    {
        Assert.True(verdict.IsAuthentic, verdict.Failure?.ToString());
        Assert.True(verdict.UnappraisedClaims.All.TryGet(name, out ClaimValue? value));
        return value.Bytes.ToArray();
    }

    private static Task SaysAsync(EnclaveProcess process, string what) =>
        Eventually.TrueAsync(() => process.Error.Contains(what, StringComparison.Ordinal), what);

    private async Task<TestBroker> StartBrokerAsync()
    {
        using EnclaveProcess maker = EnclaveProcess.Start("cloister-enclave-sim", "--make-vendor", _folder.File("vendor"));
        Assert.Equal(0, await maker.ExitAsync(TimeSpan.FromSeconds(60)));
        TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        broker.ReportData = Verified;
        return broker;
    }

    private byte[]? Verified(JsonElement evidence)
    {
        string vendor = _folder.File("vendor");
        VerificationResult result = DcapVerifier.Verify(
            Tee.Sgx,
            evidence.GetProperty("quote").GetBytesFromBase64(),
            CollateralDirectory.ReadDcap(Path.Combine(vendor, "collateral")),
            TrustAnchors.Of([.. CollateralDirectory.ReadRoots(Path.Combine(vendor, "root.pem"))]),
            VerificationTime.At(DateTimeOffset.UtcNow));
        _verdicts.Enqueue(result);
        return result.IsAuthentic ? Claim(result, ClaimNames.ReportData) : null;
    }

    private EnclaveProcess Start(string name, TestBroker broker, string simulation = "")
    {
        File.WriteAllText(_folder.File($"{name}.yaml"), $"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: {TestBroker.Cluster}
            provider: cloister
            kms:
              listen: unix:{_folder.File($"{name}.sock")}
            custody:
              mode: attested
            broker:
              urls: ["{broker.Url}"]
              pins: ["{broker.PinText}"]
              kek: {TestBroker.Kek}
            simulation:
              vendorDirectory: {_folder.File("vendor")}{simulation}
            """);
        return EnclaveProcess.Start("cloister-enclave-sim", "--config", _folder.File($"{name}.yaml"));
    }
}
