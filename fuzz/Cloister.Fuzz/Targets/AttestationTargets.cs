using System.Text;
using Cloister.Attestation;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Abi.Nitro;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Binding;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Forms;
using Cloister.Attestation.Inspect;
using Cloister.Attestation.Policies;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Nitro;
using Cloister.Simulator.Snp;

namespace Cloister.Fuzz.Targets;

/// <summary>Every parser of evidence and collateral, and the verifiers, seeded with minted evidence.</summary>
internal static class AttestationTargets
{
    private const string Policy = """
        apiVersion: cloister.dev/v1alpha1
        kind: AppraisalPolicy
        metadata: { name: fuzz }
        spec:
          sgx: { debug: refuse, enclave: [{ mrsigner: "0000000000000000000000000000000000000000000000000000000000000000", isvprodid: 1, minIsvsvn: 0x2 }], tcb: { statuses: any, minDate: 2024-03-13 } }
          snp: { minTcb: { Milan: { bootloader: 3 } }, platformInfo: { require: [alias_check] }, firmware: { minVersion: "1.55.0" } }
          nitro: { pcrs: { 0: any } }
        """;

    private static readonly DateTimeOffset Now = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly VerificationTime Time = VerificationTime.At(Now);
    private static readonly DcapVendor Intel = DcapVendor.Create(Now.AddYears(-1));
    private static readonly DcapPlatform Platform = Intel.NewPlatform(new DcapPlatformRequest());
    private static readonly DcapCollateral Sgx = Intel.NewCollateral(Platform, Collateral(Tee.Sgx));
    private static readonly DcapCollateral Tdx = Intel.NewCollateral(Platform, Collateral(Tee.Tdx));
    private static readonly VerifiedDcapCollateral VerifiedSgx = DcapVerifier.VerifyCollateral(Sgx, Intel.Anchors, Time, out _)!;
    private static readonly VerifiedDcapCollateral VerifiedTdx = DcapVerifier.VerifyCollateral(Tdx, Intel.Anchors, Time, out _)!;
    private static readonly byte[][] Quotes = [Platform.QuoteSgx(new EnclaveReportFields()), Platform.QuoteTdx(new TdReportFields()), Platform.QuoteTdx(new TdReportFields { TeeTcbSvn2 = new byte[16] })];
    private static readonly NitroVendor Aws = new(Now);

    internal static IEnumerable<IFuzzTarget> All =>
    [
        new AttestationTarget("quote", () => Quotes, input => DcapQuote.Parse(input).SignedBytes.Length > 0),
        new AttestationTarget("quote-verify", () => Quotes, VerifyQuote),
        new AttestationTarget("tcb-info", () => [Sgx.TcbInfo.ToArray(), Tdx.TcbInfo.ToArray()], input => TcbInfo.Parse(input).Levels.Count > 0),
        new AttestationTarget("qe-identity", () => [Sgx.QeIdentity.ToArray(), Tdx.QeIdentity.ToArray()], input => EnclaveIdentity.Parse(input).Levels.Count > 0),
        new AttestationTarget("certificate", Certificates, ReadCertificate),
        new AttestationTarget("crl", () => [Sgx.PckCrl.ToArray(), Sgx.RootCaCrl.ToArray()], input => !RevocationList.Parse(input).Revokes(Platform.PckChain[0])),
        new AttestationTarget("pem", () => [Sgx.TcbSigningChain.ToArray(), Sgx.PckCrlIssuerChain.ToArray()], input => PemCertificates.Parse(input).Count > 0),
        new AttestationTarget("snp-report", Reports, input => SnpEvidence.Parse(input).Report.Version > 0),
        new AttestationTarget("nitro-document", Documents, input =>
        {
            CoseSign1 message = CoseSign1.Parse(input);
            return NitroDocument.Parse(message.Payload, message.PayloadOffset).ModuleId.Length > 0;
        }),
        new AttestationTarget("nitro-verify", Documents, input => NitroVerifier.Verify(input, TrustAnchors.Of(Certificate.Parse(Aws.Root)), Time).IsAuthentic),
        new AttestationTarget("evidence-show", () => [.. Quotes, .. Reports(), .. Documents()], input =>
            EvidenceInspector.Recognise(input) is { } tee && EvidenceInspector.Inspect(tee, input).Sections.Count > 0),
        new AttestationTarget("evidence-forms", Forms, input => EvidenceForms.Read(input).Bytes.Length > 0),
        new AttestationTarget("attestation-token", () => ["{\"iss\":\"a\",\"exp\":1,\"submods\":{\"cpu0\":{\"ear.status\":\"none\"}}}"u8.ToArray(), "{\"token\":\"eyJhbGciOiJFUzI1NiJ9.e30.AAAA\"}"u8.ToArray()], input =>
            AttestationToken.Parse(input).Claims.ValueKind == System.Text.Json.JsonValueKind.Object),
        new AttestationTarget("canonical-json", () => ["{\"b\":[1,2.5e-7,\"\\u00e9\"],\"a\":{\"\":null}}"u8.ToArray(), Sgx.TcbInfo.ToArray()], Canonicalise),
        new AttestationTarget("policy", () => [Encoding.UTF8.GetBytes(Policy)], input => AppraisalPolicyReader.Read(Encoding.UTF8.GetString(input)).IsValid),
    ];

    private static DcapCollateralRequest Collateral(Tee tee) => new() { Tee = tee, IssueDate = Now.AddDays(-1), NextUpdate = Now.AddDays(29) };

    private static bool VerifyQuote(byte[] input)
    {
        bool authentic = DcapVerifier.Verify(Tee.Sgx, input, VerifiedSgx, Time).IsAuthentic || DcapVerifier.Verify(Tee.Tdx, input, VerifiedTdx, Time).IsAuthentic;
        if (authentic && !Array.Exists(Quotes, quote => DcapQuote.Parse(quote).SignedBytes.Span.SequenceEqual(DcapQuote.Parse(input).SignedBytes.Span)))
        {
            throw new InvalidOperationException("a quote that nobody signed is authentic");
        }

        return authentic;
    }

    private static bool ReadCertificate(byte[] input)
    {
        Certificate certificate = Certificate.Parse(input);
        _ = certificate.CommonName;
        if (certificate.IsSignedBy(Intel.Root.Certificate) && !Certificates().Any(seed => seed.AsSpan().SequenceEqual(input)))
        {
            // The outer encoding of a signature can vary; what is signed cannot.
            Certificate signed = Certificates().Select(seed => Certificate.Parse(seed)).First(c => c.SerialNumber.Span.SequenceEqual(certificate.SerialNumber.Span));
            if (!signed.Subject.Span.SequenceEqual(certificate.Subject.Span))
            {
                throw new InvalidOperationException("a certificate that nobody signed is signed");
            }
        }

        return PckExtension.Parse(certificate).Fmspc.Length == 6;
    }

    private static bool Canonicalise(byte[] input)
    {
        byte[] once = CanonicalJson.Canonicalize(input);
        return once.AsSpan().SequenceEqual(CanonicalJson.Canonicalize(once)) ? true : throw new InvalidOperationException("the canonical form is not its own canonical form");
    }

    private static IReadOnlyList<byte[]> Certificates() => [.. Platform.PckChain.Select(c => c.Der.ToArray()), Intel.TcbSigning.Certificate.Der.ToArray(), Aws.Root];

    private static IReadOnlyList<byte[]> Forms() =>
    [
        Quotes[0], Encoding.ASCII.GetBytes(Convert.ToHexString(Quotes[0])), Encoding.ASCII.GetBytes(Convert.ToBase64String(Quotes[1])),
        Encoding.ASCII.GetBytes($"{{\"tee-evidence\":{{\"primary_evidence\":{{\"quote\":\"{Convert.ToBase64String(Quotes[2])}\"}}}}}}"),
        Encoding.ASCII.GetBytes($"{{\"report\":\"{Convert.ToBase64String(Reports()[0])}\",\"certs\":\"\"}}"),
    ];

    private static IReadOnlyList<byte[]> Reports()
    {
        using System.Security.Cryptography.ECDsa key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP384);
        byte[] report = new SnpReportFields { ChipId = new byte[64] }.Sign(key);
        return
        [
            report, new SnpReportFields { Version = 5, ChipId = new byte[64], Processor = new SnpProcessor(0x1A, 2, 1) }.Sign(key),
            [.. report, .. SnpCertificateTableWriter.Write((SnpCertificateTableWriter.Vcek, new byte[100]))], SnpHclReportWriter.Write(report, "{\"keys\":[]}"u8),
        ];
    }

    private static IReadOnlyList<byte[]> Documents()
    {
        using NitroSigner signer = Aws.IssueSigner(new NitroSignerRequest());
        NitroDocumentFields fields = new() { Timestamp = Now, CaBundle = Aws.Bundle };
        return [fields.Sign(signer), (fields with { Tagged = true, IndefiniteLength = false, Nonce = new byte[16] }).Sign(signer)];
    }
}
