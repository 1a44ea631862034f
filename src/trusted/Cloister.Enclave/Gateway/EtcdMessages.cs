using System.Buffers;
using System.Collections.Concurrent;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Rpc;

namespace Cloister.Enclave.Gateway;

/// <summary>
/// Rewrites etcd's messages in place: covered values are encrypted in requests and decrypted in responses, every other byte stays, unknown
/// fields too. First the values are found and the whole message is checked, then the values are turned over (waiting only for keys that
/// are not here), then the message is written: so an error leaves nothing half written. Thread-safe.
/// secrets: the values of one message at a time, in buffers that are wiped.
/// </summary>
public sealed class EtcdMessages
{
    private readonly GatewayRules _rules;
    private readonly IValueCipher _cipher;
    private readonly int _maxSize;
    private readonly ConcurrentBag<WipedBuffer> _free = [];

    /// <summary>A rewriter.</summary>
    /// <param name="rules">Which values are covered.</param>
    /// <param name="cipher">Turns values over.</param>
    /// <param name="maxSize">Bytes that the rewritten values of one message may have together.</param>
    public EtcdMessages(GatewayRules rules, IValueCipher cipher, int maxSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxSize);
        _rules = rules;
        _cipher = cipher;
        _maxSize = maxSize;
    }

    /// <summary>
    /// What an API server gets in place of plaintext that is refused. It has an encryption prefix that no provider reads, so that only this
    /// object fails, not the list or watch it stands in, and can still be deleted.
    /// </summary>
    public static ReadOnlySpan<byte> RefusedValue => "k8s:enc:cloister:refused-plaintext:"u8;

    /// <summary>Rewrites one message.</summary>
    /// <param name="kind">Which message it is: a request or response, not one that only stands in others.</param>
    /// <param name="message">The message; must not change until the call ends.</param>
    /// <param name="output">Where to append it; untouched when the call fails. Gets plaintexts, so it should be wiped.</param>
    /// <param name="cancellation">Given up by the caller, or its deadline.</param>
    /// <exception cref="RpcException">
    /// InvalidArgument (request) or Internal (response): malformed. InvalidArgument: a comparison with an encrypted value.
    /// ResourceExhausted: too large. What the custody answers when it has no keys.
    /// </exception>
    public async ValueTask<RewriteResult> RewriteAsync(
        EtcdMessage kind, ReadOnlyMemory<byte> message, IBufferWriter<byte> output, CancellationToken cancellation)
    {
        List<EtcdField> fields = Find(kind, message.Span);
        if (fields.Count == 0)
        {
            output.Write(message.Span);
            return default;
        }

        WipedBuffer values = _free.TryTake(out WipedBuffer? used) ? used : new WipedBuffer(_maxSize);
        try
        {
            // Once, not in steps that each copy what there is: plaintexts are shorter than what they stand in.
            values.GetSpan(Math.Min(message.Length, _maxSize));
            output.GetSpan(message.Length);
            Range?[] replacements = new Range?[fields.Count];
            RewriteResult result = default;
            for (int i = 0; i < fields.Count; i++)
            {
                EtcdField field = fields[i];
                if (field.IsValue)
                {
                    int start = values.Length;
                    ReadOnlyMemory<byte> key = message.Slice(field.KeyStart, field.KeyLength);
                    ReadOnlyMemory<byte> value = message.Slice(field.Start, field.Length);
                    (bool replaced, result) = EtcdSchema.IsRequest(kind)
                        ? await EncryptAsync(key, value, values, result, cancellation)
                        : await DecryptAsync(key, value, values, result, cancellation);
                    replacements[i] = replaced ? start..values.Length : null;
                }
            }

            EtcdSplice.Write(message.Span, fields, replacements, values.Written.Span, output);
            return result;
        }
        finally
        {
            values.Reset();
            _free.Add(values);
        }
    }

    private List<EtcdField> Find(EtcdMessage kind, ReadOnlySpan<byte> message)
    {
        try
        {
            return EtcdValueFinder.Find(_rules, kind, message);
        }
        catch (WireException e)
        {
            throw EtcdSchema.IsRequest(kind)
                ? new RpcException(StatusCode.InvalidArgument, $"the request is not a well-formed {kind} of etcd: {e.Message}")
                : new RpcException(StatusCode.Internal, $"etcd's answer is not a well-formed {kind}: {e.Message}");
        }
    }

    private async ValueTask<(bool Replaced, RewriteResult Result)> EncryptAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, WipedBuffer output, RewriteResult result, CancellationToken cancellation)
    {
        await _cipher.EncryptAsync(key, value, output, cancellation);
        return (true, result with { Encrypted = result.Encrypted + 1 });
    }

    private async ValueTask<(bool Replaced, RewriteResult Result)> DecryptAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, WipedBuffer output, RewriteResult result, CancellationToken cancellation)
    {
        switch (await _cipher.DecryptAsync(key, value, output, cancellation))
        {
            case ValueOutcome.Decrypted:
                return (true, result with { Decrypted = result.Decrypted + 1 });
            case ValueOutcome.PassThrough:
                return (false, result with { PassedThrough = result.PassedThrough + 1 });
            case ValueOutcome.Undecryptable:
                return (false, result with { Undecryptable = result.Undecryptable + 1 });
            default:
                output.Write(RefusedValue);
                return (true, result with { Refused = result.Refused + 1 });
        }
    }
}
