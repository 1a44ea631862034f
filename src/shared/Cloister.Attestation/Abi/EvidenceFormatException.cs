namespace Cloister.Attestation.Abi;

/// <summary>Bytes that are not what their specification says. Verifiers turn it into a <see cref="StepFailure"/> with the code <c>malformed</c>.</summary>
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

    /// <summary>As the failure of the step <paramref name="step"/>.</summary>
    public StepFailure ToFailure(string step) => new(step, "malformed", Message);
}
