using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>A claim of bytes is one of the reference values.</summary>
public sealed class ReferenceValueRule : AppraisalRule
{
    private readonly string _claim;
    private readonly ReadOnlyMemory<byte>[] _values;

    /// <summary>The claim called <paramref name="claim"/> must equal one of <paramref name="values"/>, of which there is at least one.</summary>
    public ReferenceValueRule(string name, string claim, params IEnumerable<ReadOnlyMemory<byte>> values)
        : base(name)
    {
        _claim = claim;
        _values = [.. values];
        if (_values.Length == 0)
        {
            throw new ArgumentException("A rule without reference values refuses everything.", nameof(values));
        }
    }

    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        if (!claims.All.TryGet(_claim, out ClaimValue? value) || value.Kind != ClaimKind.Bytes)
        {
            return NoClaim(_claim);
        }

        foreach (ReadOnlyMemory<byte> reference in _values)
        {
            if (value.Bytes.SequenceEqual(reference.Span))
            {
                return null;
            }
        }

        return Fail("mismatch", $"{_claim} {value} is none of {_values.Length} reference values");
    }
}
