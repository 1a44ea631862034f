namespace Cloister.Attestation.Policies;

/// <summary>One thing that is wrong with a policy.</summary>
/// <param name="Line">Line, from 1.</param>
/// <param name="Column">Column, from 1.</param>
/// <param name="Path">The field: <c>spec.sgx.tcb.statuses</c>; empty for the document.</param>
/// <param name="Problem">What is wrong with it.</param>
public sealed record PolicyError(long Line, long Column, string Path, string Problem)
{
    /// <inheritdoc />
    public override string ToString() => Path.Length == 0 ? $"line {Line}: {Problem}" : $"line {Line}: {Path}: {Problem}";
}
