using System.Text.Json;
using Cloister.Attestation;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Abi.Nitro;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Bench.Attestation;

/// <summary>One case of real evidence that verifies at its manifest's time: how it is verified, and the signatures in that.</summary>
internal sealed class EvidenceCase
{
    public required string Name { get; init; }

    public required string Tee { get; init; }

    /// <summary>From the files' bytes, with nothing remembered.</summary>
    public required Action VerifyCold { get; init; }

    /// <summary>With collateral, or a vendor's certificates, verified before.</summary>
    public required Action VerifyWarm { get; init; }

    public required IReadOnlyList<SignedItem> ColdSignatures { get; init; }

    public required IReadOnlyList<SignedItem> WarmSignatures { get; init; }

    public static IEnumerable<EvidenceCase> All(string evidence)
    {
        foreach (string tee in (string[])["sgx", "tdx", "snp", "nitro"])
        {
            string folder = Path.Combine(evidence, tee);
            string[] directories = Directory.Exists(folder) ? Directory.GetDirectories(folder) : [];
            foreach (string directory in directories.Order(StringComparer.Ordinal))
            {
                using JsonDocument manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "manifest.json")));
                JsonElement verdict = manifest.RootElement.GetProperty("verdicts")[0];
                string field = tee is "sgx" or "tdx" ? "crypto_and_collateral" : "signature_and_chain";
                if (verdict.GetProperty(field).GetString() == "ok")
                {
                    VerificationTime time = VerificationTime.At(verdict.GetProperty("at").GetDateTimeOffset());
                    yield return tee switch
                    {
                        "snp" => OpenSnp(directory, time),
                        "nitro" => OpenNitro(directory, time),
                        _ => OpenDcap(tee, directory, Path.Combine(directory, manifest.RootElement.GetProperty("root_ca").GetString()!), time),
                    };
                }
            }
        }
    }

    private static EvidenceCase OpenDcap(string teeName, string directory, string root, VerificationTime time)
    {
        Tee tee = teeName == "sgx" ? Cloister.Attestation.Tee.Sgx : Cloister.Attestation.Tee.Tdx;
        byte[] quote = File.ReadAllBytes(Path.Combine(directory, "quote.bin"));
        DcapCollateral collateral = CollateralDirectory.ReadDcap(directory);
        TrustAnchors anchors = TrustAnchors.Of(CollateralDirectory.ReadRoots(root));
        VerifiedDcapCollateral verified = DcapVerifier.VerifyCollateral(collateral, anchors, time, out StepFailure? failure)
            ?? throw new InvalidOperationException($"{directory}: {failure}");

        QuoteSignatureData data = DcapQuote.Parse(quote).SignatureData;
        IReadOnlyList<Certificate> pck = PemCertificates.Parse(data.CertificationDataType == QuoteSignatureData.PckChain ? data.CertificationData.Span : collateral.PckChain.Span);
        IReadOnlyList<Certificate> issuers = PemCertificates.Parse(collateral.PckCrlIssuerChain.Span);
        IReadOnlyList<Certificate> signing = PemCertificates.Parse(collateral.TcbSigningChain.Span);
        TcbInfo info = TcbInfo.Parse(collateral.TcbInfo);
        EnclaveIdentity identity = EnclaveIdentity.Parse(collateral.QeIdentity);
        SignedItem[] remaining =
        [
            SignedItem.OfDer(pck[0].Der, pck[1].Der),
            SignedItem.OfPair(pck[0].Der, data.QeReport.Body.Span, data.QeReportSignature.Span),
            SignedItem.OfPoint(data.AttestationKey.Span, DcapQuote.Parse(quote).SignedBytes.Span, data.Signature.Span),
        ];
        return new EvidenceCase
        {
            Name = Path.GetFileName(directory),
            Tee = teeName,
            VerifyCold = () => Require(DcapVerifier.Verify(tee, quote, collateral, anchors, time)),
            VerifyWarm = () => Require(DcapVerifier.Verify(tee, quote, verified, time)),
            WarmSignatures = remaining,
            ColdSignatures =
            [
                .. remaining,
                SignedItem.OfDer(pck[1].Der, pck[2].Der),
                SignedItem.OfDer(collateral.RootCaCrl, issuers[1].Der),
                SignedItem.OfDer(collateral.PckCrl, issuers[0].Der),
                SignedItem.OfDer(signing[0].Der, signing[1].Der),
                SignedItem.OfPair(signing[0].Der, info.SignedBytes.Span, info.Signature.Span),
                SignedItem.OfPair(signing[0].Der, identity.SignedBytes.Span, identity.Signature.Span),
            ],
        };
    }

    private static EvidenceCase OpenSnp(string directory, VerificationTime time)
    {
        byte[] bytes = File.ReadAllBytes(Path.Combine(directory, "report.bin"));
        bool isVlek = File.Exists(Path.Combine(directory, "vlek.der"));
        byte[] key = File.ReadAllBytes(Path.Combine(directory, isVlek ? "vlek.der" : "vcek.der"));
        byte[] chain = File.ReadAllBytes(Path.Combine(directory, "ca_chain.pem"));
        SnpCollateral Read() => new() { EndorsementKeys = [Certificate.Parse(key)], Authorities = PemCertificates.Parse(chain) };

        SnpCollateral collateral = Read();
        VerifiedSignatures verified = new();
        SnpReport report = SnpEvidence.Parse(bytes).Report;
        byte[] signature = new byte[96];
        report.CopySignature(signature);
        Certificate root = collateral.Authorities.First(c => c.IsSelfIssued);
        Certificate issuer = collateral.Authorities.First(c => c.Subject.Span.SequenceEqual(collateral.EndorsementKeys[0].Issuer.Span));
        SignedItem remaining = SignedItem.OfPair(key, report.SignedBytes, signature);
        return new EvidenceCase
        {
            Name = Path.GetFileName(directory),
            Tee = "snp",
            VerifyCold = () => Require(SnpVerifier.Verify(bytes, Read(), TrustAnchors.Amd, time)),
            VerifyWarm = () => Require(SnpVerifier.Verify(bytes, collateral, TrustAnchors.Amd, time, verified)),
            WarmSignatures = [remaining],
            ColdSignatures = [remaining, SignedItem.OfDer(key, issuer.Der), SignedItem.OfDer(issuer.Der, root.Der)],
        };
    }

    private static EvidenceCase OpenNitro(string directory, VerificationTime time)
    {
        byte[] bytes = File.ReadAllBytes(Path.Combine(directory, "document.cbor"));
        CoseSign1 message = CoseSign1.Parse(bytes);
        NitroDocument document = NitroDocument.Parse(message.Payload);
        ReadOnlyMemory<byte>[] chain = [.. document.CaBundle, document.Certificate];
        VerifiedSignatures verified = new();
        SignedItem remaining = SignedItem.OfPair(document.Certificate, message.ToBeSigned(), message.Signature.Span);
        return new EvidenceCase
        {
            Name = Path.GetFileName(directory),
            Tee = "nitro",
            VerifyCold = () => Require(NitroVerifier.Verify(bytes, TrustAnchors.Aws, time)),
            VerifyWarm = () => Require(NitroVerifier.Verify(bytes, TrustAnchors.Aws, time, verified: verified)),
            WarmSignatures = [remaining],
            ColdSignatures = [remaining, .. chain.Skip(1).Select((certificate, i) => SignedItem.OfDer(certificate, chain[i]))],
        };
    }

    private static void Require(VerificationResult result)
    {
        if (!result.IsAuthentic)
        {
            throw new InvalidOperationException(result.Failure.ToString());
        }
    }
}
