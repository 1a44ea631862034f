namespace Cloister.Attestation.Certificates;

/// <summary>Holds a verified chain against the revocation lists that a caller has (RFC 5280, 6.3).</summary>
public static class CertificateRevocation
{
    /// <summary>
    /// The first thing that is wrong, as a failure of <paramref name="step"/>, or null. Every list must be one of this chain's: a list that nothing in the chain
    /// signed was put there by mistake or by someone, and ignoring it would ignore the caller's wish. Codes: <c>bad_signature</c>, <c>not_yet_valid</c>, <c>expired</c>, <c>revoked</c>.
    /// </summary>
    /// <param name="step">Name of the step that asks.</param>
    /// <param name="chain">Leaf first, root last; already verified by <see cref="CertificatePath"/>.</param>
    /// <param name="lists">The lists; with none, revocation is not looked at.</param>
    /// <param name="time">When the lists must be current.</param>
    public static StepFailure? Check(string step, IReadOnlyList<Certificate> chain, IReadOnlyList<RevocationList> lists, VerificationTime time)
    {
        ArgumentNullException.ThrowIfNull(chain);
        ArgumentNullException.ThrowIfNull(lists);
        ArgumentNullException.ThrowIfNull(time);
        foreach (RevocationList list in lists)
        {
            if (SignerOf(list, chain) is not { } signer)
            {
                return new StepFailure(step, "bad_signature", "a revocation list is not signed by an authority of the chain");
            }

            if (time.Value < list.ThisUpdate)
            {
                return new StepFailure(step, "not_yet_valid", $"the list of '{signer.CommonName}' is of {list.ThisUpdate:u}, judged at {time}");
            }

            if (time.Value > list.NextUpdate)
            {
                return new StepFailure(step, "expired", $"the list of '{signer.CommonName}' was to be replaced by {list.NextUpdate:u}, judged at {time}");
            }

            foreach (Certificate certificate in chain)
            {
                if (certificate.Issuer.Span.SequenceEqual(signer.Subject.Span) && list.Revokes(certificate))
                {
                    return new StepFailure(step, "revoked", $"'{certificate.CommonName}' is revoked");
                }
            }
        }

        return null;
    }

    private static Certificate? SignerOf(RevocationList list, IReadOnlyList<Certificate> chain)
    {
        for (int i = 1; i < chain.Count; i++)
        {
            if (list.IsSignedBy(chain[i]))
            {
                return chain[i];
            }
        }

        return null;
    }
}
