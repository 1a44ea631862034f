namespace Cloister.Storm;

/// <summary>A write of a Secret, and what the API server said.</summary>
/// <param name="Value">The password that it was to have; null for a deletion.</param>
/// <param name="Outcome">What is known of it.</param>
internal sealed record SecretWrite(string? Value, WriteOutcome Outcome);
