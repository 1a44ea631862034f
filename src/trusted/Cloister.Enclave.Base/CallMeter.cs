namespace Cloister.Enclave.Base;

/// <summary>Calls of one method, by status, and how long they took. Thread-safe. secrets: none.</summary>
/// <param name="role">Which socket.</param>
/// <param name="method">Service and method.</param>
/// <param name="codes">Names of statuses, by number; empty for those that do not occur.</param>
public sealed class CallMeter(string role, string method, IReadOnlyList<string> codes)
{
    private readonly long[] _codes = new long[codes.Count];

    /// <summary>Which socket.</summary>
    public string Role => role;

    /// <summary>Service and method, or <c>other</c> for all that are not served.</summary>
    public string Method => method;

    /// <summary>How long handlers took.</summary>
    public DurationMeter Durations { get; } = new();

    /// <summary>By status.</summary>
    public IEnumerable<(string Name, long Value)> Codes => codes.Select((name, code) => (name, Volatile.Read(ref _codes[code]))).Where(code => code.name.Length > 0);

    internal void Record(int code) => Interlocked.Increment(ref _codes[code]);
}
