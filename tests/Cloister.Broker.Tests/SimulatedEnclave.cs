using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Attestation;
using Cloister.Attestation.Binding;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Release;
using Cloister.Collateral;
using Cloister.Kbs;
using Cloister.Simulator.Dcap;

namespace Cloister.Broker.Tests;

/// <summary>An enclave on a simulated SGX or TDX platform of its own, and that platform's collateral.</summary>
internal sealed class SimulatedEnclave : IDcapCollateralSource, IDisposable
{
    public static readonly string ConfigDigest = new('c', 96);

    private static readonly DcapVendor SharedVendor = DcapVendor.Create(new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private static readonly Lock Minting = new(); // the simulator is for one thread at a time

    private readonly DcapPlatform _platform;
    private readonly ECDiffieHellman _key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _gatewayKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly TimeProvider _clock;

    /// <summary>An enclave.</summary>
    /// <param name="clock">What time its vendor says it is.</param>
    /// <param name="tee">SGX or TDX.</param>
    /// <param name="fmspc">Another platform model than all others are of, 6 bytes.</param>
    /// <param name="vendor">Another vendor than all others have, whom no policy trusts.</param>
    public SimulatedEnclave(TimeProvider clock, Tee tee = Tee.Sgx, byte[]? fmspc = null, DcapVendor? vendor = null)
    {
        _clock = clock;
        Tee = tee;
        MrEnclave = RandomNumberGenerator.GetBytes(tee == Tee.Sgx ? 32 : 48);
        lock (Minting)
        {
            DcapPlatformRequest request = new() { Ppid = RandomNumberGenerator.GetBytes(16), PlatformInstanceId = RandomNumberGenerator.GetBytes(16) };
            _platform = (vendor ?? SharedVendor).NewPlatform(fmspc is null ? request : request with { Fmspc = fmspc });
        }
    }

    public Tee Tee { get; }

    /// <summary>Whether its memory can be read; SGX only.</summary>
    public bool Debug { get; init; }

    public string TeeName => TeeNames.NameOf(Tee);

    public static string RootPem => Encoding.ASCII.GetString(DcapVendor.Pem(SharedVendor.Root.Certificate));

    /// <summary>MRENCLAVE, or MRTD.</summary>
    public byte[] MrEnclave { get; }

    public string Measurement => Convert.ToHexStringLower(MrEnclave);

    public string Ppid => Convert.ToHexStringLower(_platform.Request.Ppid.Span);

    public string PlatformInstance => Convert.ToHexStringLower(_platform.Request.PlatformInstanceId.Span);

    public ECDiffieHellman Key => _key;

    public string Instance => TeePublicKey.Parse(JsonDocument.Parse(Jwk).RootElement).Thumbprint;

    public string Jwk
    {
        get
        {
            ECPoint point = _key.ExportParameters(false).Q;
            return $$"""{"kty":"EC","crv":"P-256","alg":"ECDH-ES+A256KW","x":"{{Base64Url.EncodeToString(point.X)}}","y":"{{Base64Url.EncodeToString(point.Y)}}"}""";
        }
    }

    /// <summary>The gateway's key, which the statement for a lease names when it is asked to.</summary>
    public ECDsa GatewayKey => _gatewayKey;

    public string GatewayDigest => Convert.ToHexStringLower(SHA256.HashData(_gatewayKey.ExportSubjectPublicKeyInfo()));

    public static string Statement(
        string kek = "secrets", string lease = "", string cluster = "c1", string? config = null, string purpose = StatementPurpose.Lease, string gateway = "", string provider = "tee") =>
        $$$"""
        {"cloister":{"version":2,"purpose":"{{{purpose}}}","cluster":"{{{cluster}}}","provider":"{{{provider}}}","config":"{{{config ?? ConfigDigest}}}","kek":"{{{kek}}}","lease":"{{{lease}}}","wraps":0,"unwraps":0,"gateway":"{{{gateway}}}"}}
        """;

    /// <summary>A policy that accepts this enclave.</summary>
    public string Policy(string? mrEnclave = null, string? configDigests = null, string duration = "10m") => $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: ReleasePolicy
        metadata: { name: simulated }
        spec:
          appraisal:
        {{Section(mrEnclave ?? Measurement)}}
              tcb: { statuses: [UpToDate], advisories: [], minEvaluationDataNumber: 1, minDate: any }
              platforms: { allow: any }
              reportData: expected
          configDigests: {{configDigests ?? $"[\"{ConfigDigest}\"]"}}
          roots:
            - |
              {{RootPem.TrimEnd().Replace("\n", "\n      ", StringComparison.Ordinal)}}
          lease: { duration: {{duration}}, grace: 30s, wraps: 1000, unwraps: 2000 }
        """;

    /// <summary>Writes what a broker needs to verify simulated evidence.</summary>
    public static void WriteCollateral(string folder)
    {
        using SimulatedEnclave any = new(TimeProvider.System);
        DateTimeOffset issued = DateTimeOffset.UtcNow.AddHours(-1);
        foreach (Tee tee in (Tee[])[Tee.Sgx, Tee.Tdx])
        {
            DcapCollateral made;
            lock (Minting)
            {
                made = SharedVendor.NewCollateral(any._platform, new DcapCollateralRequest { Tee = tee, IssueDate = issued, NextUpdate = issued.AddDays(30) });
            }

            DirectoryInfo directory = Directory.CreateDirectory(
                Path.Combine(folder, DirectoryCollateralSource.NameOf(DcapCollateralKey.FromQuote(any.Quote(new byte[64])) with { Tee = tee })));
            foreach ((string name, ReadOnlyMemory<byte> content) in ((string, ReadOnlyMemory<byte>)[])[
                ("tcb_info.json", made.TcbInfo), ("qe_identity.json", made.QeIdentity), ("tcb_signing_chain.pem", made.TcbSigningChain),
                ("pck_crl.der", made.PckCrl), ("pck_crl_issuer_chain.pem", made.PckCrlIssuerChain), ("root_ca_crl.der", made.RootCaCrl)])
            {
                File.WriteAllBytes(Path.Combine(directory.FullName, name), content.ToArray());
            }
        }
    }

    public AttestRequest Answer(string nonce, string statement, string? boundNonce = null, string? boundStatement = null)
    {
        RuntimeData binding = new(boundNonce ?? nonce, Encoding.UTF8.GetBytes(Jwk), boundStatement ?? statement);
        byte[] quote = Quote(binding.ReportData);
        return new AttestRequest
        {
            RuntimeData = new AttestedRuntimeData(nonce, JsonDocument.Parse(Jwk).RootElement),
            TeeEvidence = new TeeEvidence(JsonDocument.Parse($$"""{"quote":"{{Convert.ToBase64String(quote)}}"}""").RootElement, statement),
        };
    }

    public byte[] Quote(ReadOnlyMemory<byte> reportData)
    {
        lock (Minting)
        {
            return Tee == Tee.Sgx
                ? _platform.QuoteSgx(new EnclaveReportFields { MrEnclave = MrEnclave, ReportData = reportData, Flags = Debug ? 0x07ul : 0x05ul })
                : _platform.QuoteTdx(new TdReportFields { MrTd = MrEnclave, ReportData = reportData });
        }
    }

    public Task<DcapCollateral> GetAsync(DcapCollateralKey key, CancellationToken cancellationToken)
    {
        return Task.FromResult(NewCollateral(request => request));
    }

    /// <summary>Collateral of its platform, changed.</summary>
    public DcapCollateral NewCollateral(Func<DcapCollateralRequest, DcapCollateralRequest> change)
    {
        DateTimeOffset issued = _clock.GetUtcNow().AddDays(-1);
        lock (Minting)
        {
            return SharedVendor.NewCollateral(_platform, change(new DcapCollateralRequest { IssueDate = issued, NextUpdate = issued.AddDays(30) }));
        }
    }

    private string Section(string measurement) => Tee == Tee.Sgx
        ? $$"""
            sgx:
              debug: refuse
              enclave: [ { mrenclave: "{{measurement}}" } ]
              configid: any
        """
        : $$"""
            tdx:
              debug: refuse
              mrtd: "{{measurement}}"
              rtmr0: any
              rtmr1: any
              rtmr2: any
              rtmr3: any
              mrconfigid: any
              mrowner: any
              mrownerconfig: any
              tdattributes: any
              xfam: any
        """;

    public void Dispose()
    {
        _platform.Dispose();
        _key.Dispose();
        _gatewayKey.Dispose();
    }
}
