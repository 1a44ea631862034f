namespace Cloister.Attestation.Abi;

/// <summary>
/// Bytes that are not what their specification says, or that are something this library does not know. Verifiers turn it into a
/// <see cref="StepFailure"/> with the code <see cref="Code"/>.
/// </summary>
public sealed class EvidenceFormatException : FormatException
{
    /// <summary>Names the field, where it starts and what is wrong with it.</summary>
    public EvidenceFormatException(string field, int offset, string problem)
        : base($"{field} at offset {offset}: {problem}")
    {
        Field = field;
        Offset = offset;
        Problem = problem;
    }

    /// <summary>The field by its specification's name, with the structure before it: <c>quote.header.version</c>.</summary>
    public string Field { get; }

    /// <summary>Offset of the field in the structure that was being read, in bytes.</summary>
    public int Offset { get; }

    /// <summary>What is wrong.</summary>
    public string Problem { get; }

    /// <summary>
    /// <c>malformed</c>; <c>newer_version</c> for a version higher than those that are known; <c>unsupported</c> for what is well-formed and not read
    /// here; <c>unknown_form</c> for what is in none of the forms that are read. Of the last three nothing says that the bytes are wrong.
    /// </summary>
    public string Code { get; private init; } = "malformed";

    /// <summary>As the failure of the step <paramref name="step"/>.</summary>
    public StepFailure ToFailure(string step) => new(step, Code, Message);

    /// <summary>A version that is not among those that are known.</summary>
    /// <param name="field">The field by its specification's name, with the structure before it.</param>
    /// <param name="offset">Offset of the field in the structure, in bytes.</param>
    /// <param name="version">The version that stands there.</param>
    /// <param name="known">The versions that are known, in ascending order.</param>
    internal static EvidenceFormatException UnknownVersion(string field, int offset, uint version, ReadOnlySpan<uint> known)
    {
        bool isNewer = EvidenceVersions.IsNewer(version, known);
        string others = string.Join(", ", known[..^1].ToArray());
        return new(field, offset, $"version {version}{(isNewer ? ", newer than this verifier knows" : "")}; known are {(others.Length > 0 ? $"{others} and " : "")}{known[^1]}")
        {
            Code = isNewer ? "newer_version" : "malformed",
        };
    }

    /// <summary>Bytes in no form that is known.</summary>
    internal static EvidenceFormatException UnknownForm(string field, string problem) => new(field, 0, problem) { Code = "unknown_form" };

    /// <summary>Something that is known and not read here.</summary>
    internal static EvidenceFormatException Unsupported(string field, int offset, string problem) => new(field, offset, problem) { Code = "unsupported" };
}
