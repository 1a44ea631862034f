using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Verify;

/// <summary>Steps in order. The first failure ends the run; there is no way to skip a step.</summary>
/// <typeparam name="TContext">As <see cref="VerificationStep{TContext}"/>.</typeparam>
public sealed class StepSequence<TContext>
{
    private readonly VerificationStep<TContext>[] _steps;

    /// <summary>These steps, in this order.</summary>
    public StepSequence(params IEnumerable<VerificationStep<TContext>> steps)
    {
        _steps = [.. steps];
        if (_steps.Length == 0)
        {
            throw new ArgumentException("A verification without steps would accept everything.", nameof(steps));
        }
    }

    /// <summary>The steps, for documentation and tests.</summary>
    public IReadOnlyList<VerificationStep<TContext>> Steps => _steps;

    /// <summary>Runs all steps; null when every one holds. Malformed input becomes a failure with the code <c>malformed</c>.</summary>
    public StepFailure? Run(TContext context)
    {
        foreach (VerificationStep<TContext> step in _steps)
        {
            try
            {
                if (step.Check(context) is { } failure)
                {
                    return failure;
                }
            }
            catch (EvidenceFormatException e)
            {
                return e.ToFailure(step.Name);
            }
        }

        return null;
    }
}
