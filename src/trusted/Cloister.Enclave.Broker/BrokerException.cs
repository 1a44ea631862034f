namespace Cloister.Enclave.Broker;

/// <summary>A step of the broker protocol that failed. The message is for operators. secrets: none.</summary>
public sealed class BrokerException : Exception
{
    /// <summary>Makes the failure.</summary>
    /// <param name="failure">What kind.</param>
    /// <param name="step">The step that failed, in a word.</param>
    /// <param name="detail">What is wrong.</param>
    public BrokerException(BrokerFailure failure, string step, string detail)
        : base($"{step}: {detail}")
    {
        Failure = failure;
        Step = step;
    }

    /// <summary>What kind.</summary>
    public BrokerFailure Failure { get; }

    /// <summary>True when no broker said anything, whyever.</summary>
    internal bool IsUnanswered => Failure is BrokerFailure.Unavailable or BrokerFailure.Fault;

    /// <summary>The step that failed.</summary>
    public string Step { get; }
}
