using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Http2;

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
    private readonly long[] _ended = new long[Enum.GetValues<ConnectionEnd>().Length];
    private long _etcdLeft;
    private long _tlsFilesTaken;
    private long _tlsFilesRefused;
    private readonly DurationMeter _callDurations = new();
    private readonly DurationMeter _etcdDurations = new();

    /// <summary>By name.</summary>
    public IReadOnlyList<(string Name, Func<long> Value)> All =>
    [
        ("gateway_connections", () => Volatile.Read(ref _connections)),
        ("gateway_connections_open", () => Volatile.Read(ref _open)),
        ("gateway_connections_gave_way_unauthenticated", () => Ends(ConnectionEnd.GaveWayUnauthenticated)),
        ("gateway_connections_handshake_timeout", () => Ends(ConnectionEnd.HandshakeTimeout)),
        ("gateway_connections_gave_way", () => Ends(ConnectionEnd.GaveWay)),
        ("gateway_connections_refused", () => Ends(ConnectionEnd.Refused)),
        ("gateway_connections_slow", () => Ends(ConnectionEnd.TooSlow)),
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
        ("gateway_etcd_left", () => Volatile.Read(ref _etcdLeft)),
        .. Etcd.Select((member, i) => ($"gateway_etcd_failures_{i + 1}", (Func<long>)(() => member.Failures))),
        .. Etcd.Select((member, i) => ($"gateway_etcd_sick_{i + 1}", (Func<long>)(() => member.IsSick ? 1 : 0))),
        ("gateway_memory_bytes", () => Budgets.Sum(budget => budget.Taken)),
        ("gateway_memory_limit_bytes", () => Budgets.Sum(budget => budget.Limit)),
        ("gateway_serving_certificate_expires", () => Seconds(Tls?.Expires("gateway.tls"))),
        ("gateway_issued_certificate_expires", () => Seconds(Issued?.Expires)),
        ("gateway_client_authorities_expire", () => Seconds(Tls?.Expires("gateway.tls.clientCa"))),
        ("gateway_etcd_certificate_expires", () => Seconds(Tls?.Expires("gateway.etcd"))),
        ("gateway_etcd_authorities_expire", () => Seconds(Tls?.Expires("gateway.etcd.ca"))),
        ("gateway_tls_files_taken", () => Volatile.Read(ref _tlsFilesTaken)),
        ("gateway_tls_files_refused", () => Volatile.Read(ref _tlsFilesRefused)),
    ];

    /// <summary>Calls that are no watch: whole, and from when etcd was asked to when its answer began.</summary>
    public IReadOnlyList<(string Name, DurationMeter Meter)> Durations => [("gateway_call", _callDurations), ("gateway_etcd", _etcdDurations)];

    /// <summary>What the gateway holds in messages and calls.</summary>
    internal IReadOnlyList<MemoryBudget> Budgets { get; set; } = [];

    /// <summary>Its certificates.</summary>
    internal GatewayTls? Tls { get; set; }

    /// <summary>The one that a broker issues.</summary>
    internal LeasedCertificate? Issued { get; set; }

    /// <summary>The endpoints, in the order of the configuration.</summary>
    internal IReadOnlyList<EtcdMember> Etcd { get; set; } = [];

    internal void Answered(ProxyStream stream) => Record(_etcdDurations, stream, stream.Asked);

    internal void Done(ProxyStream stream) => Record(_callDurations, stream, stream.Began);

    // Of 1970; 0: there is none.
    private static long Seconds(DateTime? time) => time is { } at ? new DateTimeOffset(at).ToUnixTimeSeconds() : 0;

    private static void Record(DurationMeter meter, ProxyStream stream, long began)
    {
        if (!stream.IsWatch)
        {
            meter.Record(began);
        }
    }

    internal void EtcdLeft() => Interlocked.Increment(ref _etcdLeft);

    internal void Opened()
    {
        Interlocked.Increment(ref _connections);
        Interlocked.Increment(ref _open);
    }

    internal void Closed() => Interlocked.Decrement(ref _open);

    internal void Ended(ConnectionEnd end) => Interlocked.Increment(ref _ended[(int)end]);

    private long Ends(ConnectionEnd end) => Volatile.Read(ref _ended[(int)end]);

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
