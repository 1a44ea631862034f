using Cloister.Enclave.Rpc;

namespace Cloister.Enclave.Kms;

/// <summary>Calls of one method, by status, and how long they took. Thread-safe. secrets: none.</summary>
/// <param name="role">Which socket.</param>
/// <param name="method">Service and method.</param>
public sealed class CallMeter(string role, string method)
{
    private readonly long[] _codes = new long[(int)StatusCode.DataLoss + 1];

    /// <summary>Which socket.</summary>
    public string Role => role;

    /// <summary>Service and method, or <c>other</c> for all that are not served.</summary>
    public string Method => method;

    /// <summary>How long handlers took.</summary>
    public DurationMeter Durations { get; } = new();

    /// <summary>By status.</summary>
    public IEnumerable<(string Name, long Value)> Codes => Enum.GetValues<StatusCode>().Select(code => ($"{code}", Volatile.Read(ref _codes[(int)code])));

    internal void Record(StatusCode code) => Interlocked.Increment(ref _codes[(int)code]);
}
