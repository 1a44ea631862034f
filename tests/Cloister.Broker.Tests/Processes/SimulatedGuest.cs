using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Binding;
using Cloister.Attestation.Certificates;
using Cloister.Kbs;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Snp;

namespace Cloister.Broker.Tests.Processes;

/// <summary>A guest on a simulated SEV-SNP processor of its own, all of one simulated vendor.</summary>
internal sealed class SimulatedGuest : IDisposable
{
    public static readonly SnpVendor Vendor = new(SnpProductLine.Genoa, SnpAuthorityKeys.Create(), DateTimeOffset.UtcNow.AddYears(-1), DateTimeOffset.UtcNow.AddYears(5));

    private static readonly SnpTcb Tcb = new(0, 3, 1, 24, 219);
    private static readonly byte[] Measurement = RandomNumberGenerator.GetBytes(48);

    private readonly SimulatedEnclave _key = new(TimeProvider.System); // for its key alone
    private readonly byte[] _chip;
    private readonly SnpEndorsement _endorsement;

    public SimulatedGuest()
    {
        _chip = RandomNumberGenerator.GetBytes(64);
        _endorsement = Vendor.IssueEndorsement(new SnpEndorsementRequest { Tcb = Tcb, HardwareId = _chip });
    }

    public SimulatedEnclave Key => _key;

    /// <summary>Makes AMD's service have what this guest needs.</summary>
    public void GiveTo(CollateralServices services)
    {
        string tcb = $"blSPL={Tcb.Bootloader:00}&teeSPL={Tcb.Tee:00}&snpSPL={Tcb.Snp:00}&ucodeSPL={Tcb.Microcode:00}";
        services.Give($"/vcek/v1/Genoa/{Convert.ToHexStringLower(_chip)}?{tcb}", _endorsement.Certificate);
        services.Give("/vcek/v1/Genoa/cert_chain", Encoding.ASCII.GetBytes(Vendor.ChainPem));
        services.Give("/vcek/v1/Genoa/crl", Vendor.IssueRevocationList(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30)));
    }

    /// <summary>Evidence; with the certificate of its key beside it, or without.</summary>
    public AttestRequest Answer(string nonce, string statement, bool withCertificate) => Answer(nonce, statement, _chip, withCertificate);

    /// <summary>A report of a processor that there is not.</summary>
    public AttestRequest MadeUp(string nonce, string statement) => Answer(nonce, statement, RandomNumberGenerator.GetBytes(64), withCertificate: false);

    public static string Policy() => $$"""
        apiVersion: cloister.dev/v1alpha1
        kind: ReleasePolicy
        metadata: { name: guests }
        spec:
          appraisal:
            snp:
              debug: refuse
              measurement: {{Convert.ToHexStringLower(Measurement)}}
              hostData: any
              idKeyDigest: any
              authorKeyDigest: any
              guestSvn: 0
              vmpl: [0]
              guestPolicy: { require: [], allow: [smt], minAbi: "0.0" }
              platformInfo: { require: [], allow: [smt, ecc, alias_check] }
              products: [Genoa]
              signingKeys: [vcek]
              minTcb: { Genoa: { bootloader: 0, tee: 0, snp: 0, microcode: 0 } }
              firmware: { minVersion: "0.0.0", provisional: refuse }
              platforms: { allow: any }
              reportData: expected
          configDigests: any
          roots:
            - |
              {{Encoding.ASCII.GetString(DcapVendor.Pem(Certificate.Parse(Vendor.Ark))).TrimEnd().Replace("\n", "\n      ", StringComparison.Ordinal)}}
          lease: { duration: 10m, grace: 30s, wraps: 1000, unwraps: 2000 }
        """;

    public void Dispose()
    {
        _key.Dispose();
        _endorsement.Dispose();
    }

    private AttestRequest Answer(string nonce, string statement, byte[] chip, bool withCertificate)
    {
        RuntimeData binding = new(nonce, Encoding.UTF8.GetBytes(_key.Jwk), statement);
        byte[] report = new SnpReportFields
        {
            Version = 3,
            ReportedTcb = Tcb.Encode(SnpProductLine.Genoa),
            ChipId = chip,
            Measurement = Measurement,
            ReportData = binding.ReportData.ToArray(),
            Processor = new SnpProcessor(0x19, 0x11, 1),
        }.Sign(_endorsement.Key);
        string certificates = withCertificate
            ? Convert.ToBase64String(SnpCertificateTableWriter.Write(
                (SnpCertificateTableWriter.Ark, Vendor.Ark), (SnpCertificateTableWriter.Ask, Vendor.Ask), (SnpCertificateTableWriter.Vcek, _endorsement.Certificate)))
            : "";
        return new AttestRequest
        {
            RuntimeData = new AttestedRuntimeData(nonce, JsonDocument.Parse(_key.Jwk).RootElement),
            TeeEvidence = new TeeEvidence(JsonDocument.Parse($$"""{"report":"{{Convert.ToBase64String(report)}}","certs":"{{certificates}}"}""").RootElement, statement),
        };
    }
}
