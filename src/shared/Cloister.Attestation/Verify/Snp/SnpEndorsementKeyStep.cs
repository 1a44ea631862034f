using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>
/// The report's signing-key bits decide whether a VCEK or a VLEK must have signed, and the certificate must be of that kind by its
/// name and by its extensions: an attester cannot choose by sending the other one.
/// </summary>
internal sealed class SnpEndorsementKeyStep() : VerificationStep<SnpVerification>("signing_key", "AMD 56860, table 23 (SIGNING_KEY); AMD 57230, certificate extensions")
{
    public override StepFailure? Check(SnpVerification context)
    {
        SnpSigningKey key = context.Report.SigningKey;
        if (key == SnpSigningKey.None)
        {
            return Fail("not_signed", "the report says that no key signed it");
        }

        if (key == SnpSigningKey.Vcek && context.Report.MaskChipKey)
        {
            return Fail("chip_key_masked", "the report names the VCEK, and MASK_CHIP_KEY forbids to sign with it");
        }

        if (Select(context, SnpProductNames.CertificateOf(key)) is not { } certificate)
        {
            return Fail("missing_certificate", $"there is no {SnpProductNames.CertificateOf(key)} certificate");
        }

        context.EndorsementKey = certificate;
        context.Extensions = SnpVekExtensions.Parse(certificate);
        return CheckKind(certificate, context.Extensions, key);
    }

    private StepFailure? CheckKind(Certificate certificate, SnpVekExtensions extensions, SnpSigningKey key)
    {
        string expected = SnpProductNames.CertificateOf(key);
        if (certificate.CommonName != expected)
        {
            return Fail("kind_mismatch", $"the report was signed by a {expected}, the certificate is for '{certificate.CommonName}'");
        }

        bool isVcek = key == SnpSigningKey.Vcek;
        if (extensions.HardwareId.HasValue != isVcek || extensions.CspId is null != isVcek)
        {
            return Fail("kind_mismatch", $"a {expected} certificate has {(isVcek ? "a hardware id and no provider" : "a provider and no hardware id")}");
        }

        return certificate.PublicKey.Kind == PublicKeyKind.P384
            ? null
            : Fail("wrong_key_type", $"the {expected} is a {certificate.PublicKey.Kind} key, expected P-384");
    }

    /// <summary>The certificate of that name, else any one, so that the mismatch is what gets reported.</summary>
    private static Certificate? Select(SnpVerification context, string name)
    {
        IEnumerable<Certificate> candidates = context.Collateral.EndorsementKeys;
        if (context.Collateral.EndorsementKeys.Count == 0 && context.Evidence.Certificates is { } table)
        {
            candidates = FromTable(table);
        }

        Certificate? any = null;
        foreach (Certificate candidate in candidates)
        {
            if (candidate.CommonName == name)
            {
                return candidate;
            }

            any ??= candidate;
        }

        return any;
    }

    private static IEnumerable<Certificate> FromTable(SnpCertificateTable table)
    {
        foreach (SnpCertificateEntry entry in table.Entries)
        {
            if (entry.Kind is SnpCertificateKind.Vcek or SnpCertificateKind.Vlek)
            {
                yield return Certificate.Parse(entry.Data);
            }
        }
    }
}
