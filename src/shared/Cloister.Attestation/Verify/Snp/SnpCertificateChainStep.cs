using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>
/// The endorsement key's certificate chains to a pinned ARK through the authority that product line and key kind call for: the ASK
/// for a VCEK, the ASVK for a VLEK. All signatures are RSASSA-PSS with SHA-384 under 4096-bit keys; all certificates are valid now.
/// </summary>
internal sealed class SnpCertificateChainStep() : VerificationStep<SnpVerification>("certificate_chain", "AMD 57230, certificate chain; RFC 5280, section 6.1")
{
    public override StepFailure? Check(SnpVerification context)
    {
        Certificate leaf = context.EndorsementKey;
        string issuerName = SnpProductNames.IssuerOf(context.Product, context.Report.SigningKey);
        string rootName = SnpProductNames.RootOf(context.Product);
        IReadOnlyList<Certificate> pool = Pool(context);

        // By the names the product calls for, not by whatever issued what the attester sent: another product's ASK is not found.
        if (Find(pool, issuerName) is not { } issuer)
        {
            return Fail("missing_issuer", $"there is no certificate of {issuerName}");
        }

        if (Find(pool, rootName) is not { } root)
        {
            return Fail("missing_root", $"there is no certificate of {rootName}");
        }

        if (!root.IsSelfIssued)
        {
            return Fail("untrusted_root", $"'{rootName}' is not self-issued");
        }

        foreach (Certificate certificate in (ReadOnlySpan<Certificate>)[leaf, issuer, root])
        {
            if (certificate.SignatureScheme != SignatureScheme.RsaPssSha384)
            {
                return Fail("wrong_algorithm", $"'{certificate.CommonName}' is signed with {certificate.SignatureScheme}, expected RSASSA-PSS with SHA-384");
            }
        }

        context.Issuer = issuer;
        context.Root = root;
        return CertificatePath.Check(Name, [leaf, issuer, root], context.Anchors, context.Time, context.Verified);
    }

    private static IReadOnlyList<Certificate> Pool(SnpVerification context)
    {
        if (context.Collateral.Authorities.Count > 0 || context.Evidence.Certificates is not { } table)
        {
            return context.Collateral.Authorities;
        }

        List<Certificate> pool = [];
        foreach (SnpCertificateEntry entry in table.Entries)
        {
            if (entry.Kind is SnpCertificateKind.Ark or SnpCertificateKind.Ask)
            {
                pool.Add(Certificate.Parse(entry.Data));
            }
        }

        return pool;
    }

    private static Certificate? Find(IReadOnlyList<Certificate> pool, string commonName)
    {
        foreach (Certificate certificate in pool)
        {
            if (certificate.CommonName == commonName)
            {
                return certificate;
            }
        }

        return null;
    }
}
