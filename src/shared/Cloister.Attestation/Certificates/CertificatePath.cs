namespace Cloister.Attestation.Certificates;

/// <summary>
/// Checks a chain in the order leaf, intermediates, root (RFC 5280, 6.1, without policies and name constraints, which vendors do not use). The chain is taken as given:
/// nothing is searched for, so a chain of a hundred certificates costs no more than its first refusal.
/// </summary>
public static class CertificatePath
{
    /// <summary>Longest chain checked, with leaf and root.</summary>
    public const int MaximumLength = 10;

    /// <summary>
    /// The first thing that is wrong with the chain at <paramref name="time"/>, as a failure of <paramref name="step"/>, or null.
    /// Codes: <c>chain_length</c>, <c>untrusted_root</c>, <c>not_yet_valid</c>, <c>expired</c>, <c>not_an_authority</c>, <c>path_length</c>, <c>key_usage</c>, <c>critical_extension</c>, <c>bad_signature</c>.
    /// </summary>
    /// <param name="step">Name of the step that asks.</param>
    /// <param name="chain">Leaf first, pinned root last.</param>
    /// <param name="anchors">Pinned roots.</param>
    /// <param name="time">When every certificate must be valid.</param>
    /// <param name="verified">Signatures verified before need not be verified again; null: all are.</param>
    public static StepFailure? Check(
        string step, IReadOnlyList<Certificate> chain, TrustAnchors anchors, VerificationTime time, VerifiedSignatures? verified = null) =>
        Check(step, chain, anchors, time, (certificate, issuer) => verified?.Verify(certificate, issuer) ?? certificate.IsSignedBy(issuer));

    /// <summary>As the other; certificates (by encoding) that were verified under a pinned root in this very verification are not verified again.</summary>
    internal static StepFailure? Check(
        string step, IReadOnlyList<Certificate> chain, TrustAnchors anchors, VerificationTime time, Func<Certificate, bool>? alreadyVerified) =>
        Check(step, chain, anchors, time, (certificate, issuer) => alreadyVerified?.Invoke(certificate) == true || certificate.IsSignedBy(issuer));

    private static StepFailure? Check(
        string step, IReadOnlyList<Certificate> chain, TrustAnchors anchors, VerificationTime time, Func<Certificate, Certificate, bool> isSigned)
    {
        ArgumentNullException.ThrowIfNull(chain);
        ArgumentNullException.ThrowIfNull(anchors);
        ArgumentNullException.ThrowIfNull(time);
        if (chain.Count is < 1 or > MaximumLength)
        {
            return new StepFailure(step, "chain_length", $"the chain has {chain.Count} certificates");
        }

        // The root first: nothing under a root that is not pinned deserves the cost of a signature.
        if (anchors.Match(chain[^1]) is null)
        {
            return new StepFailure(step, "untrusted_root", $"the root '{chain[^1].CommonName}' with SHA-256 {Convert.ToHexStringLower(chain[^1].Sha256.Span)} is not pinned");
        }

        for (int i = chain.Count - 1; i >= 0; i--)
        {
            StepFailure? failure = CheckOne(step, chain, i, time);
            if (failure is not null)
            {
                return failure;
            }

            bool isRoot = i == chain.Count - 1;
            if (!isRoot && !isSigned(chain[i], chain[i + 1]))
            {
                return new StepFailure(step, "bad_signature", $"'{chain[i].CommonName}' is not signed by '{chain[i + 1].CommonName}'");
            }
        }

        return null;
    }

    private static StepFailure? CheckOne(string step, IReadOnlyList<Certificate> chain, int index, VerificationTime time)
    {
        Certificate certificate = chain[index];
        string name = certificate.CommonName;
        if (time.Value < certificate.NotBefore)
        {
            return new StepFailure(step, "not_yet_valid", $"'{name}' is valid from {certificate.NotBefore:u}, judged at {time}");
        }

        if (time.Value > certificate.NotAfter)
        {
            return new StepFailure(step, "expired", $"'{name}' was valid until {certificate.NotAfter:u}, judged at {time}");
        }

        if (certificate.HasUnknownCriticalExtension)
        {
            return new StepFailure(step, "critical_extension", $"'{name}' has a critical extension that is not understood");
        }

        if (index == 0)
        {
            return null;
        }

        if (!certificate.IsAuthority)
        {
            return new StepFailure(step, "not_an_authority", $"'{name}' issued a certificate but is not a certification authority");
        }

        if (certificate.PathLength is { } length && index - 1 > length)
        {
            return new StepFailure(step, "path_length", $"'{name}' allows {length} authorities below it, {index - 1} stand there");
        }

        return (certificate.KeyUsage & CertificateKeyUsage.CertificateSign) == 0
            ? new StepFailure(step, "key_usage", $"'{name}' may not sign certificates")
            : null;
    }
}
