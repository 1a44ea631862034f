namespace Cloister.Enclave.Gateway.Transport;

/// <summary>What the gateway did so far, for metrics and alarms. Thread-safe. secrets: none.</summary>
public sealed class GatewayCounters
{
    private long _connections;
    private long _open;
    private long _encrypted;
    private long _decrypted;
    private long _passedThrough;
    private long _refused;
    private long _undecryptable;
    private long _calls;
    private long _refusedCalls;
    private long _kekAbsent;
    private long _refusedAnswers;
    private long _refusedKeys;
    private long _tlsFilesTaken;
    private long _tlsFilesRefused;

    /// <summary>By name.</summary>
    public IReadOnlyList<(string Name, Func<long> Value)> All =>
    [
        ("gateway_connections", () => Volatile.Read(ref _connections)),
        ("gateway_connections_open", () => Volatile.Read(ref _open)),
        ("gateway_calls", () => Volatile.Read(ref _calls)),
        ("gateway_calls_refused", () => Volatile.Read(ref _refusedCalls)),
        ("gateway_values_encrypted", () => Volatile.Read(ref _encrypted)),
        ("gateway_values_decrypted", () => Volatile.Read(ref _decrypted)),
        ("gateway_values_passed_through", () => Volatile.Read(ref _passedThrough)),
        ("gateway_values_refused", () => Volatile.Read(ref _refused)),
        ("gateway_values_undecryptable", () => Volatile.Read(ref _undecryptable)),
        ("gateway_values_kek_absent", () => Volatile.Read(ref _kekAbsent)),
        ("gateway_answers_refused", () => Volatile.Read(ref _refusedAnswers)),
        ("gateway_keys_refused", () => Volatile.Read(ref _refusedKeys)),
        ("gateway_tls_files_taken", () => Volatile.Read(ref _tlsFilesTaken)),
        ("gateway_tls_files_refused", () => Volatile.Read(ref _tlsFilesRefused)),
    ];

    internal void Opened()
    {
        Interlocked.Increment(ref _connections);
        Interlocked.Increment(ref _open);
    }

    internal void Closed() => Interlocked.Decrement(ref _open);

    internal void Called() => Interlocked.Increment(ref _calls);

    internal void CallRefused() => Interlocked.Increment(ref _refusedCalls);

    internal void KekAbsent() => Interlocked.Increment(ref _kekAbsent);

    internal void Refused(EtcdRefusalException refusal) => Interlocked.Increment(ref refusal.IsAnswer ? ref _refusedAnswers : ref _refusedKeys);

    internal void TlsFilesTaken() => Interlocked.Increment(ref _tlsFilesTaken);

    internal void TlsFilesRefused() => Interlocked.Increment(ref _tlsFilesRefused);

    internal void Rewritten(RewriteResult result)
    {
        Interlocked.Add(ref _encrypted, result.Encrypted);
        Interlocked.Add(ref _decrypted, result.Decrypted);
        Interlocked.Add(ref _passedThrough, result.PassedThrough);
        Interlocked.Add(ref _refused, result.Refused);
        Interlocked.Add(ref _undecryptable, result.Undecryptable);
    }
}
