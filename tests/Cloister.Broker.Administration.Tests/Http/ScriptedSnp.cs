using System.Text;
using System.Text.Json;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Binding;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Snp;
using Cloister.Collateral;
using Cloister.Kbs;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Snp;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>A simulated AMD: one chip of it, and the revocation list until a time that a test sets.</summary>
internal sealed class ScriptedSnp : ISnpCollateralSource
{
    private static readonly SnpAuthorityKeys Keys = SnpAuthorityKeys.Create(); // 4096-bit keys take their time
    private static readonly SnpTcb Tcb = new(0, 3, 1, 24, 219);
    private static readonly byte[] Chip = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];

    private readonly Lazy<SnpVendor> _vendor;
    private readonly Lazy<SnpEndorsement> _endorsement;
    private readonly TimeProvider _clock;

    public ScriptedSnp(TimeProvider clock)
    {
        _clock = clock;
        _vendor = new(() => new SnpVendor(SnpProductLine.Genoa, Keys, clock.GetUtcNow().AddYears(-1), clock.GetUtcNow().AddYears(5)));
        _endorsement = new(() => _vendor.Value.IssueEndorsement(new SnpEndorsementRequest { Tcb = Tcb, HardwareId = Chip }));
    }

    /// <summary>When the next revocation list is due.</summary>
    public TimeSpan CrlEndsIn { get; set; } = TimeSpan.FromDays(60);

    public IReadOnlyList<(string Model, CollateralItem Item)> Items => _vendor.IsValueCreated ? [("snp-genoa", CollateralItem.Of("crl", List()))] : [];

    /// <summary>A policy that accepts its chip.</summary>
    public string Policy => $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: ReleasePolicy
        metadata: { name: simulated }
        spec:
          appraisal:
            snp:
              { debug: refuse, measurement: any, hostData: any, idKeyDigest: any, authorKeyDigest: any, guestSvn: any, vmpl: any, guestPolicy: any, platformInfo: any, products: any,
                signingKeys: any, minTcb: any, firmware: any, platforms: { allow: any }, reportData: expected }
          configDigests: any
          roots:
            - |
              {{Encoding.ASCII.GetString(DcapVendor.Pem(Certificate.Parse(_vendor.Value.Ark))).TrimEnd().Replace("\n", "\n      ", StringComparison.Ordinal)}}
          lease: { duration: 10m, grace: 30s, wraps: 1000, unwraps: 2000 }
        """;

    /// <summary>What a guest on its chip presents, which sends no certificates.</summary>
    public AttestRequest Answer(string jwk, string statement)
    {
        byte[] report = new SnpReportFields
        {
            Version = 3, ReportedTcb = Tcb.Encode(SnpProductLine.Genoa), ChipId = Chip, Processor = new SnpProcessor(0x19, 0x11, 1),
            ReportData = new RuntimeData("nonce", Encoding.UTF8.GetBytes(jwk), statement).ReportData.ToArray(),
        }.Sign(_endorsement.Value.Key);
        return new AttestRequest
        {
            RuntimeData = new AttestedRuntimeData("nonce", JsonDocument.Parse(jwk).RootElement),
            TeeEvidence = new TeeEvidence(JsonDocument.Parse($$"""{"report":"{{Convert.ToBase64String(report)}}","certs":""}""").RootElement, statement),
        };
    }

    public Task<SnpCollateral> GetAsync(SnpReport report, bool hasKey, Requester requester, CancellationToken cancellationToken) => Task.FromResult(new SnpCollateral
    {
        EndorsementKeys = [Certificate.Parse(_endorsement.Value.Certificate)],
        Authorities = [Certificate.Parse(_vendor.Value.Ask), Certificate.Parse(_vendor.Value.Ark)],
        RevocationLists = [List()],
    });

    private RevocationList List() => RevocationList.Parse(_vendor.Value.IssueRevocationList(_clock.GetUtcNow().AddDays(-1), _clock.GetUtcNow() + CrlEndsIn));
}
