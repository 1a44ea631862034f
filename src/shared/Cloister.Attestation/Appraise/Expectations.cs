namespace Cloister.Attestation.Appraise;

/// <summary>What a relying party expects of one piece of evidence, such as the report data that binds its challenge. Policies refer to it by <c>expected</c>.</summary>
public sealed class Expectations
{
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _byClaim = new(StringComparer.Ordinal);

    /// <summary>Nothing is expected: rules that say <c>expected</c> refuse.</summary>
    public static Expectations None { get; } = new([]);

    /// <summary>Expects these bytes in these claims.</summary>
    public Expectations(params IEnumerable<KeyValuePair<string, ReadOnlyMemory<byte>>> byClaim)
    {
        ArgumentNullException.ThrowIfNull(byClaim);
        foreach ((string claim, ReadOnlyMemory<byte> bytes) in byClaim)
        {
            _byClaim.Add(claim, bytes.ToArray());
        }
    }

    /// <summary>Expects <paramref name="reportData"/> in <c>report_data</c>.</summary>
    public static Expectations OfReportData(ReadOnlyMemory<byte> reportData) => new([KeyValuePair.Create(Claims.ClaimNames.ReportData, reportData)]);

    /// <summary>What is expected in <paramref name="claim"/>, or null.</summary>
    public ReadOnlyMemory<byte>? Of(string claim) => _byClaim.TryGetValue(claim, out ReadOnlyMemory<byte> bytes) ? bytes : default(ReadOnlyMemory<byte>?);
}
