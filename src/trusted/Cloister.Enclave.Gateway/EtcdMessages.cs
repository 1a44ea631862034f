using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;

namespace Cloister.Enclave.Gateway;

/// <summary>
/// Rewrites etcd's messages in place: covered values are encrypted in requests and decrypted in responses, every other byte stays, unknown
/// fields too. First the values are found and the whole message is checked, then the values are turned over (waiting only for keys that
/// are not here), then the message is written: so an error leaves nothing half written. Answers are compared with what was asked: etcd, or
/// who stands in its place, cannot have a value handed out under a key that the API server did not ask for. Thread-safe.
/// secrets: the values of one message at a time, in buffers that are wiped.
/// </summary>
public sealed class EtcdMessages
{
    private readonly GatewayRules _rules;
    private readonly IValueCipher _cipher;
    private readonly int _maxSize;
    private readonly ConcurrentBag<Work> _free = [];

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
    /// What an API server gets in place of a value that is refused: an object of a kind that no scheme has, so that the error for it is the
    /// kind's text, which says the way out. As with every object that does not decode, lists and watches that have it fail.
    /// </summary>
    /// <param name="key">The etcd key.</param>
    /// <param name="stored">What etcd holds: plaintext, or another provider's.</param>
    public static byte[] RefusedValue(ReadOnlySpan<byte> key, ReadOnlySpan<byte> stored) => Encoding.ASCII.GetBytes(
        $$"""{"apiVersion":"cloister.dev/refused","kind":"{{PrintableText.Of(key)}} {{RefusedText(stored)}}"}""");

    /// <summary>Why a value is refused, and the way out.</summary>
    internal static string RefusedText(ReadOnlySpan<byte> stored) => stored.StartsWith("k8s:enc:"u8)
        ? "is not encrypted by this gateway's provider, and mode sealed refuses what others encrypted: delete it in etcd (etcdctl del KEY), "
            + "or go back to mode adopt, have it written again if it is yours, and then to sealed"
        : "is in clear in etcd, which mode sealed refuses: delete it there (etcdctl del KEY), "
            + "or encrypt it if it is yours (cloister etcd rewrap --include-plaintext --prefix KEY), or go back to mode adopt";

    /// <summary>Rewrites one message.</summary>
    /// <param name="kind">Which message it is.</param>
    /// <param name="call">The call that it is of: a request tells it what is asked, a response is compared with that.</param>
    /// <param name="message">The message; must not change until the call ends.</param>
    /// <param name="output">Where to append it; untouched when the call fails. Gets plaintexts, so it should be wiped.</param>
    /// <param name="cancellation">Given up by the caller, or its deadline.</param>
    /// <exception cref="FailureException">
    /// Invalid (request) or Fault (response): malformed. Invalid: a comparison with an encrypted value.
    /// LimitReached: too large. What the custody answers when it has no keys, or not the KEK of a value.
    /// </exception>
    /// <exception cref="EtcdRefusalException">It asks for keys that are not served, or answers what was not asked.</exception>
    public async ValueTask<RewriteResult> RewriteAsync(
        EtcdMessage kind, EtcdCall call, ReadOnlyMemory<byte> message, IBufferWriter<byte> output, CancellationToken cancellation)
    {
        Work work = _free.TryTake(out Work? used) ? used : new Work(_maxSize);
        try
        {
            Find(kind, call, message.Span, work.Fields);
            if (work.Fields.Count == 0)
            {
                output.Write(message.Span);
                return default;
            }

            // Once, not in steps that each copy what there is: plaintexts are shorter than what they stand in.
            WipedBuffer values = work.Values;
            values.GetSpan(Math.Min(message.Length, _maxSize));
            output.GetSpan(message.Length);
            bool request = EtcdSchema.IsRequest(kind);
            RewriteResult result = default;
            for (int i = 0; i < work.Fields.Count; i++)
            {
                EtcdField field = work.Fields[i];
                bool replaced = false;
                int start = values.Length;
                if (field.IsValue)
                {
                    ReadOnlyMemory<byte> key = message.Slice(field.KeyStart, field.KeyLength);
                    ReadOnlyMemory<byte> value = message.Slice(field.Start, field.Length);
                    if (request)
                    {
                        await _cipher.EncryptAsync(key, value, values, cancellation);
                        (replaced, result) = (true, result with { Encrypted = result.Encrypted + 1 });
                    }
                    else
                    {
                        ValueOutcome outcome = await _cipher.DecryptAsync(key, value, values, cancellation);
                        (replaced, result) = outcome == ValueOutcome.KekAbsent ? throw _cipher.KekAbsent(key, value) : Settle(outcome, key, value, values, result);
                    }
                }

                work.Replacements.Add(replaced ? start..values.Length : null);
            }

            EtcdSplice.Write(message.Span, work.Fields, CollectionsMarshal.AsSpan(work.Replacements), values.Written.Span, output);
            return result;
        }
        finally
        {
            work.Reset();
            _free.Add(work);
        }
    }

    private static (bool Replaced, RewriteResult Result) Settle(
        ValueOutcome outcome, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> stored, WipedBuffer values, RewriteResult result)
    {
        switch (outcome)
        {
            case ValueOutcome.Decrypted:
                return (true, result with { Decrypted = result.Decrypted + 1 });
            case ValueOutcome.PassThrough:
                return (false, result with { PassedThrough = result.PassedThrough + 1 });
            case ValueOutcome.Undecryptable:
                return (false, result with { Undecryptable = result.Undecryptable + 1 });
            default:
                values.Write(RefusedValue(key.Span, stored.Span));
                return (true, result with { Refused = result.Refused + 1 });
        }
    }

    private void Find(EtcdMessage kind, EtcdCall call, ReadOnlySpan<byte> message, List<EtcdField> found)
    {
        try
        {
            if (EtcdSchema.IsRequest(kind))
            {
                EtcdValueFinder.Find(_rules, kind, message, found);
                EtcdRequestReader.Read(_rules, kind, message, call);
            }
            else if (kind != EtcdMessage.Opaque)
            {
                EtcdAnswerFinder.Find(_rules, kind, message, call, found);
            }
        }
        catch (WireException e)
        {
            throw EtcdSchema.IsRequest(kind)
                ? new FailureException(FailureKind.Invalid, $"the request is not a well-formed {kind} of etcd: {e.Message}")
                : new FailureException(FailureKind.Fault, $"etcd's answer is not a well-formed {kind}: {e.Message}");
        }
    }

    // Memory for one message at a time. secrets: the values, until Reset.
    private sealed class Work(int maxSize)
    {
        private const int MostKept = 4096;

        internal List<EtcdField> Fields { get; } = [];

        internal List<Range?> Replacements { get; } = [];

        internal WipedBuffer Values { get; } = new(maxSize);

        internal void Reset()
        {
            Values.Reset();
            Fields.Clear();
            Replacements.Clear();
            if (Fields.Capacity > MostKept)
            {
                Fields.Capacity = Replacements.Capacity = MostKept;
            }
        }
    }
}
