using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Nitro;

/// <summary>
/// The enclave's certificate chains to the pinned AWS root through the bundle, whose FIRST certificate is the root. Every certificate
/// is P-384 signed with SHA-384 and valid both now and when the document was made; only the leaf is no authority.
/// </summary>
internal sealed class NitroCertificateChainStep() : VerificationStep<NitroVerification>("certificate_chain", "AWS Nitro Enclaves, Attestation process, 3.2.3; RFC 5280, section 6.1")
{
    public override StepFailure? Check(NitroVerification context)
    {
        IReadOnlyList<ReadOnlyMemory<byte>> bundle = context.Document.CaBundle;
        if (bundle.Count + 1 > CertificatePath.MaximumLength)
        {
            return Fail("chain_length", $"the bundle has {bundle.Count} certificates");
        }

        List<Certificate> chain = new(bundle.Count + 1) { Certificate.Parse(context.Document.Certificate) };
        for (int i = bundle.Count - 1; i >= 0; i--)
        {
            chain.Add(Certificate.Parse(bundle[i]));
        }

        context.Chain = chain;
        return CheckKinds(chain)
            ?? CheckMadeAt(chain, context.MadeAt)
            ?? CertificatePath.Check(Name, chain, context.Anchors, context.Time, context.Verified);
    }

    private StepFailure? CheckKinds(List<Certificate> chain)
    {
        foreach (Certificate certificate in chain)
        {
            if (certificate.SignatureScheme != SignatureScheme.EcdsaSha384 || certificate.PublicKey.Kind != PublicKeyKind.P384)
            {
                return Fail("wrong_algorithm", $"'{certificate.CommonName}' is not a P-384 key signed with SHA-384");
            }
        }

        Certificate leaf = chain[0];
        if (leaf.IsAuthority)
        {
            return Fail("leaf_is_authority", $"'{leaf.CommonName}' signed the document but is a certification authority");
        }

        if ((leaf.KeyUsage & CertificateKeyUsage.DigitalSignature) == 0)
        {
            return Fail("key_usage", $"'{leaf.CommonName}' may not sign documents");
        }

        return chain.Count > 1 && chain[^1].IsSelfIssued
            ? null
            : Fail("untrusted_root", $"the first certificate of the bundle, '{chain[^1].CommonName}', is not a root");
    }

    private StepFailure? CheckMadeAt(List<Certificate> chain, DateTimeOffset madeAt)
    {
        foreach (Certificate certificate in chain)
        {
            if (madeAt < certificate.NotBefore || madeAt > certificate.NotAfter)
            {
                return Fail("not_valid_when_made", $"'{certificate.CommonName}' was not valid at the document's time {madeAt:u}");
            }
        }

        return null;
    }
}
