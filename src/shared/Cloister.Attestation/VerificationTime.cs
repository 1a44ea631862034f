namespace Cloister.Attestation;

/// <summary>The moment at which validity is judged. The library has no clock: the caller says what time it is, and why it believes so.</summary>
public sealed class VerificationTime
{
    private VerificationTime(DateTimeOffset value) => Value = value.ToUniversalTime();

    /// <summary>The moment, in UTC.</summary>
    public DateTimeOffset Value { get; }

    /// <summary>Judges validity at <paramref name="value"/>.</summary>
    public static VerificationTime At(DateTimeOffset value) => new(value);

    /// <summary>Whether the moment lies in <paramref name="from"/>..<paramref name="until"/>, both included (RFC 5280, 4.1.2.5).</summary>
    public bool IsWithin(DateTimeOffset from, DateTimeOffset until) => from <= Value && Value <= until;

    /// <inheritdoc />
    public override string ToString() => Value.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);
}
