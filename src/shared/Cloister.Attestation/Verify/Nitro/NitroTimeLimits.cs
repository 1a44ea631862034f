namespace Cloister.Attestation.Verify.Nitro;

/// <summary>How old a document may be, by the verifier's clock. A document proves the past: the shorter its age, the less a stolen one is worth.</summary>
/// <param name="MaximumAge">From the document's timestamp to the moment of verification.</param>
/// <param name="ClockSkew">How far in the future the timestamp may lie, clocks never being equal.</param>
public sealed record NitroTimeLimits(TimeSpan MaximumAge, TimeSpan ClockSkew)
{
    /// <summary>Three hours, which is how long AWS's certificate for an enclave lives, and five minutes of skew.</summary>
    public static NitroTimeLimits Default { get; } = new(TimeSpan.FromHours(3), TimeSpan.FromMinutes(5));
}
