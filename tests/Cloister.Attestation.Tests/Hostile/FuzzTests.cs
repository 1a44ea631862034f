using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Abi.Nitro;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Binding;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Forms;
using Cloister.Attestation.Inspect;
using Cloister.Attestation.Policies;
using Cloister.Attestation.Tests.Appraise;
using Cloister.Attestation.Tests.Dcap;
using Cloister.Attestation.Tests.Forms;
using Cloister.Attestation.Tests.Nitro;
using Cloister.Attestation.Tests.Snp;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Attestation.Verify.Snp;
using Cloister.Simulator.Dcap;
using Cloister.Simulator.Snp;

namespace Cloister.Attestation.Tests.Hostile;

/// <summary>
/// A fuzz target for each parser and each verifier, seeded with minted evidence. One second each by default; CLOISTER_FUZZ_SECONDS sets another time, CLOISTER_FUZZ_SEED another sequence.
/// </summary>
public sealed class FuzzTests
{
    private static readonly DcapCollateral Collateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.SgxCollateral);
    private static readonly DcapCollateral TdxCollateral = MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.TdxCollateral);
    private static readonly VerificationTime DcapTime = VerificationTime.At(MintedDcap.Now);
    private static readonly VerifiedDcapCollateral Verified = DcapVerifier.VerifyCollateral(Collateral, MintedDcap.Vendor.Anchors, DcapTime, out _)!;
    private static readonly VerifiedDcapCollateral VerifiedTdx = DcapVerifier.VerifyCollateral(TdxCollateral, MintedDcap.Vendor.Anchors, DcapTime, out _)!;

    private static readonly byte[][] Quotes =
    [
        MintedDcap.Platform.Quote(MintedDcap.SgxQuote), MintedDcap.Platform.Quote(MintedDcap.SgxQuote with { Version = 5 }), MintedDcap.Platform.Quote(MintedDcap.TdxQuote),
        MintedDcap.Platform.Quote(MintedDcap.Tdx15(new TdReportFields { TeeTcbSvn2 = new byte[] { 5, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } })),
    ];

    private static readonly (byte[] Report, SnpEndorsement Key)[] Snp = [.. MintSnp()];

    private static readonly SnpCollateral SnpKeys = new()
    {
        EndorsementKeys = [Certificate.Parse(Snp[0].Key.Certificate)],
        Authorities = [.. Authorities().Select(der => Certificate.Parse(der))],
    };

    private static readonly VerifiedSignatures Signatures = new();
    private static readonly ECDsa TokenKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static readonly byte[] Document = new MintedNitro().Document();

    private static readonly byte[][] Documents =
    [
        Document,
        new MintedNitro().With(f => f with { Tagged = true, IndefiniteLength = false, PublicKey = new byte[32], UserData = new byte[64], Nonce = new byte[16] }).Document(),
        new MintedNitro().With(f => f with { OmitNulls = true }).Document(),
    ];

    private static readonly Dictionary<string, (byte[][] Seeds, Action<byte[]> Target)> All = new()
    {
        ["dcap_quote"] = (Quotes, input => MutationLoop.Refuses(() => DcapQuote.Parse(input))),
        ["dcap_verify"] = (Quotes, input =>
        {
            DcapVerifier.Verify(Tee.Sgx, input, Verified, DcapTime);
            DcapVerifier.Verify(Tee.Tdx, input, VerifiedTdx, DcapTime);
        }),
        ["tcb_info"] = ([Collateral.TcbInfo.ToArray(), TdxCollateral.TcbInfo.ToArray()], input => MutationLoop.Refuses(() => TcbInfo.Parse(input))),
        ["qe_identity"] = ([Collateral.QeIdentity.ToArray(), TdxCollateral.QeIdentity.ToArray()], input => MutationLoop.Refuses(() => EnclaveIdentity.Parse(input))),
        ["certificate"] = (Certificates(), input =>
        {
            MutationLoop.Refuses(() => Certificate.Parse(input).CommonName);
            MutationLoop.Refuses(() => PckExtension.Parse(Certificate.Parse(input)));
            MutationLoop.Refuses(() => SnpVekExtensions.Parse(Certificate.Parse(input)));
        }),
        ["certificate_signature"] = (Certificates(), input => MutationLoop.Refuses(() =>
        {
            Certificate certificate = Certificate.Parse(input);
            return certificate.IsSignedBy(certificate) || certificate.PublicKey.IsUsable();
        })),
        ["crl"] = ([Collateral.PckCrl.ToArray(), MintedDcap.Vendor.NewCollateral(MintedDcap.Platform, MintedDcap.SgxCollateral with { RevokePck = true }).PckCrl.ToArray()], input =>
            MutationLoop.Refuses(() => RevocationList.Parse(input).Revokes(MintedDcap.Platform.PckChain[0]))),
        ["pem"] = ([Collateral.TcbSigningChain.ToArray(), Collateral.PckCrlIssuerChain.ToArray()], input => MutationLoop.Refuses(() => PemCertificates.Parse(input))),
        ["snp_evidence"] = ([.. Snp.Select(s => s.Report), .. SnpContainers()], input => MutationLoop.Refuses(() => SnpEvidence.Parse(input))),
        ["snp_verify"] = ([.. Snp.Select(s => s.Report), .. SnpContainers()], input =>
        {
            // Whatever the mutation did around it, only the report that was signed is authentic.
            VerificationResult result = SnpVerifier.Verify(input, SnpKeys, TrustAnchors.Of(SnpKeys.Authorities.Where(c => c.IsSelfIssued)), VerificationTime.At(MintedSnp.Now), Signatures);
            Assert.True(!result.IsAuthentic || Assert.IsType<SnpClaims>(result.UnappraisedClaims).Report.Bytes.SequenceEqual(Snp[0].Report));
        }),
        ["nitro_document"] = (Documents, input => MutationLoop.Refuses(() =>
        {
            CoseSign1 message = CoseSign1.Parse(input);
            return NitroDocument.Parse(message.Payload, message.PayloadOffset);
        })),
        ["nitro_payload"] = ([.. Documents.Select(d => CoseSign1.Parse(d).Payload.ToArray())], input => MutationLoop.Refuses(() => NitroDocument.Parse(input))),
        ["nitro_verify"] = (Documents, input =>
        {
            // Length encodings and the tag may change, the content may not.
            VerificationResult result = NitroVerifier.Verify(input, TrustAnchors.Of(Certificate.Parse(MintedNitro.Vendor.Root)), VerificationTime.At(MintedNitro.Now), verified: Signatures);
            Assert.True(!result.IsAuthentic || Documents.Any(d => CoseSign1.Parse(d).Payload.Span.SequenceEqual(CoseSign1.Parse(input).Payload.Span)));
        }),
        ["inspect"] = ([.. Quotes, Document, .. Snp.Select(s => s.Report)], input =>
        {
            if (EvidenceInspector.Recognise(input) is { } tee)
            {
                MutationLoop.Refuses(() => EvidenceInspector.Inspect(tee, input).Sections.Sum(s => s.Fields.Count));
            }
        }),
        ["evidence_forms"] = ([.. MintedForms.All.Values.Select(one => one.Form)], input =>
        {
            MutationLoop.Refuses(() => EvidenceForms.Read(input));
            MutationLoop.Refuses(() => EvidenceForms.Read(input, Tee.Snp));
        }),
        ["collateral_forms"] = ([.. CollateralForms()], input => MutationLoop.Refuses(() => DcapPieces.Read(input, "a file").IsEmpty)),
        ["token"] = ([MintedForms.Text("{\"eat_profile\":\"a\",\"exp\":1,\"submods\":{\"cpu0\":{\"ear.status\":\"none\",\"ear.trustworthiness-vector\":{\"hardware\":2}}}}"), Token()], input =>
            MutationLoop.Refuses(() => AttestationToken.Parse(input).IsSignedBy(TokenKey))),
        ["canonical_json"] = (["{\"b\":[1,2.5e-7,\"\\u00e9\\n\"],\"a\":{\"\":null,\"\\ud83d\\ude02\":true}}"u8.ToArray(), Collateral.TcbInfo.ToArray()], input =>
            MutationLoop.Refuses(() => CanonicalJson.Canonicalize(CanonicalJson.Canonicalize(input)))),
        ["policy"] = ([Encoding.UTF8.GetBytes(SamplePolicies.Sgx), Encoding.UTF8.GetBytes(SamplePolicies.Tdx), Encoding.UTF8.GetBytes(SamplePolicies.Snp), Encoding.UTF8.GetBytes(SamplePolicies.Nitro)], input =>
            AppraisalPolicyReader.Read(Encoding.UTF8.GetString(input))),
    };

    public static TheoryData<string> Targets => [.. All.Keys];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Target(string name)
    {
        (byte[][] seeds, Action<byte[]> target) = All[name];
        foreach (byte[] seed in seeds)
        {
            target(seed);
        }

        MutationLoop loop = new(Setting("CLOISTER_FUZZ_SEED", 1) + name.Length, seeds);
        loop.Run(TimeSpan.FromSeconds(Setting("CLOISTER_FUZZ_SECONDS", 1)), target);
        TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {loop.Rounds} inputs");
        Assert.True(loop.Rounds > 0);
    }

    private static int Setting(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    private static byte[] Token() => MintedForms.Text(AttestationTokenTests.Sign("ES256", TokenKey));

    private static IEnumerable<byte[]> CollateralForms() =>
    [
        TdxCollateral.TcbInfo.ToArray(), TdxCollateral.QeIdentity.ToArray(), TdxCollateral.TcbSigningChain.ToArray(), TdxCollateral.PckCrl.ToArray(),
        MintedForms.Text(Convert.ToHexString(TdxCollateral.PckCrl.Span)),
        MintedForms.Text($"{{\"tcb_info\":\"{{}}\",\"tcb_info_signature\":\"00\",\"pck_crl\":\"{Convert.ToHexString(TdxCollateral.PckCrl.Span)}\"}}"),
        [.. MintedForms.Text($"HTTP/1.1 200 OK\r\nTCB-Info-Issuer-Chain: {Uri.EscapeDataString(Encoding.ASCII.GetString(TdxCollateral.TcbSigningChain.Span))}\r\n\r\n"), .. TdxCollateral.TcbInfo.Span],
    ];

    private static byte[][] Authorities() => [MintedSnp.Vendor(SnpProductLine.Milan).Ark, MintedSnp.Vendor(SnpProductLine.Milan).Ask];

    private static byte[][] Certificates() =>
        [.. MintedDcap.Platform.PckChain.Select(c => c.Der.ToArray()), Snp[0].Key.Certificate, .. Authorities(), MintedNitro.Vendor.Root];

    /// <summary>The first report with a certificate table behind it, and in an HCL report.</summary>
    private static IEnumerable<byte[]> SnpContainers()
    {
        byte[][] authorities = Authorities();
        yield return
        [
            .. Snp[0].Report,
            .. SnpCertificateTableWriter.Write(
                (SnpCertificateTableWriter.Vcek, Snp[0].Key.Certificate), (SnpCertificateTableWriter.Ask, authorities[1]), (SnpCertificateTableWriter.Ark, authorities[0])),
        ];
        yield return SnpHclReportWriter.Write(Snp[0].Report, "{\"keys\":[]}"u8);
    }

    private static IEnumerable<(byte[], SnpEndorsement)> MintSnp()
    {
        foreach (SnpProductLine product in Enum.GetValues<SnpProductLine>())
        {
            MintedSnp minted = MintedSnp.Valid(product, version: product == SnpProductLine.Turin ? 5u : 3u);
            SnpEndorsement endorsement = MintedSnp.Vendor(product).IssueEndorsement(minted.Request);
            yield return (minted.Report(endorsement), endorsement);
        }
    }
}
