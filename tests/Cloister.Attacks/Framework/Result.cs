namespace Cloister.Attacks.Framework;

/// <summary>What became of one attack in a run.</summary>
/// <param name="Attack">The attack.</param>
/// <param name="Outcome">Null when it did not come to an end.</param>
/// <param name="Skipped">Why it was not tried, or null.</param>
/// <param name="Error">Why it did not come to an end, or null.</param>
/// <param name="Seconds">How long it took.</param>
internal sealed record Result(Attack Attack, Outcome? Outcome, string? Skipped, string? Error, double Seconds)
{
    public bool Refused => Outcome is { Attempt.Succeeded: false };

    /// <summary>Whether it was shown that the attack can succeed.</summary>
    public bool Control => Outcome is { } outcome && (outcome.Control ?? outcome.Attempt).Succeeded;

    /// <summary>What is wrong, or null: protection and catalogue agree.</summary>
    public string? Fault => this switch
    {
        { Skipped: not null } => null,
        { Outcome: null } => Error,
        { Attack.Promise: Promise.Protected, Refused: false } => $"it succeeds, and the threat model says that it is refused: {Outcome.Attempt.Detail}",
        { Attack.Promise: Promise.Protected, Outcome.Control: null } => "it has no control",
        { Attack.Promise: Promise.NotProtected, Refused: true } =>
            $"it is refused now, and the threat model says that it succeeds; make it Promise.Protected if that is so: {Outcome.Attempt.Detail}",
        { Control: false } => $"its control does not succeed, so that the refusal shows nothing: {Outcome.Control?.Detail}",
        { Outcome.Contrast.Succeeded: true } => $"it succeeds where it should be stopped: {Outcome.Contrast.Detail}",
        _ => null,
    };

    public bool Passed => Skipped is null && Fault is null;

    public string Detail => Skipped ?? (Outcome is { } outcome
        ? $"{outcome.Attempt.Detail}; control: {outcome.Control?.Detail ?? "itself"}{(outcome.Contrast is { } contrast ? $"; stopped elsewhere: {contrast.Detail}" : "")}"
        : Error ?? "");
}
