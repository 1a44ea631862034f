using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Attestation.Binding;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Collateral;
using Cloister.Kbs;
using Cloister.Simulator.Dcap;

namespace Cloister.Broker.Tests;

/// <summary>An enclave on a simulated SGX platform, and that platform's collateral.</summary>
internal sealed class SimulatedEnclave : IDcapCollateralSource, IDisposable
{
    public static readonly string ConfigDigest = new('c', 96);

    private static readonly DcapVendor SharedVendor = DcapVendor.Create(new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private static readonly Lock Minting = new(); // the simulator is for one thread at a time

    private readonly DcapPlatform _platform = SharedVendor.NewPlatform(new DcapPlatformRequest());
    private readonly ECDiffieHellman _key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
    private readonly TimeProvider _clock;

    public SimulatedEnclave(TimeProvider clock) => _clock = clock;

    public static string RootPem => Encoding.ASCII.GetString(DcapVendor.Pem(SharedVendor.Root.Certificate));

    public byte[] MrEnclave { get; } = RandomNumberGenerator.GetBytes(32);

    public string Jwk
    {
        get
        {
            ECPoint point = _key.ExportParameters(false).Q;
            return $$"""{"kty":"EC","crv":"P-256","alg":"ECDH-ES+A256KW","x":"{{Base64Url.EncodeToString(point.X)}}","y":"{{Base64Url.EncodeToString(point.Y)}}"}""";
        }
    }

    public static string Statement(string kek = "secrets", string lease = "") =>
        $$$"""{"cloister":{"version":1,"cluster":"c1","provider":"tee","config":"{{{ConfigDigest}}}","kek":"{{{kek}}}","lease":"{{{lease}}}","wraps":0,"unwraps":0}}""";

    /// <summary>A policy that accepts this enclave.</summary>
    public string Policy(string? mrEnclave = null) => $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: ReleasePolicy
        metadata: { name: simulated }
        spec:
          appraisal:
            sgx:
              debug: refuse
              enclave: [ { mrenclave: "{{mrEnclave ?? Convert.ToHexStringLower(MrEnclave)}}" } ]
              configid: any
              tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: 1, minDate: any }
              platforms: { allow: any }
              reportData: expected
          configDigests: ["{{ConfigDigest}}"]
          roots:
            - |
              {{RootPem.TrimEnd().Replace("\n", "\n      ", StringComparison.Ordinal)}}
          lease: { duration: 10m, grace: 30s, wraps: 1000, unwraps: 2000 }
        """;

    public AttestRequest Answer(string nonce, string statement, string? boundNonce = null, string? boundStatement = null)
    {
        RuntimeData binding = new(boundNonce ?? nonce, Encoding.UTF8.GetBytes(Jwk), boundStatement ?? statement);
        byte[] quote;
        lock (Minting)
        {
            quote = _platform.QuoteSgx(new EnclaveReportFields { MrEnclave = MrEnclave, ReportData = binding.ReportData });
        }

        return new AttestRequest
        {
            RuntimeData = new AttestedRuntimeData(nonce, JsonDocument.Parse(Jwk).RootElement),
            TeeEvidence = new TeeEvidence(JsonDocument.Parse($$"""{"quote":"{{Convert.ToBase64String(quote)}}"}""").RootElement, statement),
        };
    }

    public Task<DcapCollateral> GetAsync(DcapCollateralKey key, CancellationToken cancellationToken)
    {
        DateTimeOffset issued = _clock.GetUtcNow().AddDays(-1);
        lock (Minting)
        {
            return Task.FromResult(SharedVendor.NewCollateral(_platform, new DcapCollateralRequest { IssueDate = issued, NextUpdate = issued.AddDays(30) }));
        }
    }

    public void Dispose()
    {
        _platform.Dispose();
        _key.Dispose();
    }
}
