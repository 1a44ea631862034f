using System.Buffers;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>Names the keys whose values do not open or are refused, in the log, a line a second at most. secrets: plaintexts pass through; keys are no secrets.</summary>
internal sealed class LoggedValues : IValueCipher
{
    private const string Undecryptable = "does not open: it was changed, or moved from another key. Put back what the key had, from a snapshot, "
        + "or delete it in etcd (etcdctl del KEY)";

    private readonly IValueCipher _values;
    private readonly GatewayCounters _counters;
    private readonly EnclaveLog _log;
    private readonly LogRateLimiter _unreadable = new();
    private readonly LogRateLimiter _twice = new();

    internal LoggedValues(IValueCipher values, GatewayCounters counters, EnclaveLog log)
    {
        _values = values;
        _counters = counters;
        _log = log;
    }

    public ValueTask EncryptAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> plaintext, IBufferWriter<byte> stored, CancellationToken cancellation)
    {
        if (plaintext.Span.StartsWith("k8s:enc:"u8) && _twice.TryAcquire(out long suppressed))
        {
            _log.EncryptedTwice(PrintableText.Of(key.Span), suppressed);
        }

        return _values.EncryptAsync(key, plaintext, stored, cancellation);
    }

    public ValueTask<ValueOutcome> DecryptAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored, IBufferWriter<byte> plaintext, CancellationToken cancellation)
    {
        ValueTask<ValueOutcome> outcome = _values.DecryptAsync(key, stored, plaintext, cancellation);
        return outcome.IsCompletedSuccessfully ? ValueTask.FromResult(Noted(key, stored, outcome.Result)) : NotedAsync(key, stored, outcome);
    }

    public FailureException KekAbsent(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored)
    {
        FailureException refusal = _values.KekAbsent(key, stored);
        _counters.KekAbsent();
        if (_unreadable.TryAcquire(out long suppressed))
        {
            _log.ValueNotServed(refusal.Message, suppressed);
        }

        return refusal;
    }

    private async ValueTask<ValueOutcome> NotedAsync(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored, ValueTask<ValueOutcome> outcome) => Noted(key, stored, await outcome);

    private ValueOutcome Noted(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored, ValueOutcome outcome)
    {
        if (outcome is ValueOutcome.Undecryptable or ValueOutcome.Refused && _unreadable.TryAcquire(out long suppressed))
        {
            _log.ValueNotReadable(PrintableText.Of(key.Span), outcome == ValueOutcome.Refused ? EtcdMessages.RefusedText(stored.Span) : Undecryptable, suppressed);
        }

        return outcome;
    }
}
