using System.Text;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;

namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>
/// Holds a rewritten message beside what it was: covered values are what the cipher makes of them, the lengths around them may differ, and
/// every other byte is the same. Where values stand is written down here a second time, from etcd's rpc.proto and kv.proto.
/// </summary>
internal sealed class RewriteCheck(StockKmsV2Values values, bool request, bool one)
{
    // What stands in other messages only.
    private const EtcdMessage Pair = (EtcdMessage)100;
    private const EtcdMessage RequestOp = (EtcdMessage)101;
    private const EtcdMessage ResponseOp = (EtcdMessage)102;
    private const EtcdMessage Event = (EtcdMessage)103;

    private int _encrypted;
    private int _decrypted;
    private int _passed;
    private int _refused;
    private int _undecryptable;

    /// <summary>Compares.</summary>
    /// <exception cref="InvalidOperationException">They differ in something else, or the counts do.</exception>
    internal void Run(EtcdMessage kind, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after, RewriteResult told)
    {
        Compare(kind, before, after);
        Require(told == new RewriteResult(_encrypted, _decrypted, _passed, _refused, _undecryptable), "the counts are not those of the values");
    }

    private void Compare(EtcdMessage kind, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        int valueField = kind switch { EtcdMessage.PutRequest => 2, Pair => 5, _ => 0 };
        ReadOnlySpan<byte> key = valueField == 0 ? default : LastKey(before);
        bool covered = key.StartsWith("/registry/secrets/"u8);
        Require(kind != Pair || !one || key.SequenceEqual(Encoding.ASCII.GetBytes(StoredValues.Key)), "a pair was handed out that was not asked for");
        ProtoReader old = new(before);
        ProtoReader now = new(after);
        while (true)
        {
            (int oldTag, int nowTag) = (old.Position, now.Position);
            bool more = old.Next();
            Require(now.Next() == more, "there are more fields, or fewer");
            if (!more)
            {
                return;
            }

            Require(before[oldTag..old.Position].SequenceEqual(after[nowTag..now.Position]), "a field's tag differs");
            (int oldStart, int nowStart) = (old.Position, now.Position);
            if (old.Type != WireType.LengthDelimited)
            {
                old.Skip();
                now.Skip();
                Require(before[oldStart..old.Position].SequenceEqual(after[nowStart..now.Position]), "a number differs");
                continue;
            }

            ReadOnlySpan<byte> oldContent = old.Bytes();
            ReadOnlySpan<byte> nowContent = now.Bytes();
            EtcdMessage nested = Nested(kind, old.Field);
            if (nested != EtcdMessage.Opaque)
            {
                Compare(nested, oldContent, nowContent);
            }
            else if (covered && old.Field == valueField)
            {
                CheckValue(key, oldContent, nowContent);
            }
            else
            {
                Require(oldContent.SequenceEqual(nowContent), "other bytes differ");
            }

            // A length is written anew only where it changes.
            Require(
                oldContent.Length != nowContent.Length || before[oldStart..(old.Position - oldContent.Length)].SequenceEqual(after[nowStart..(now.Position - nowContent.Length)]),
                "a length that did not change is written in another way");
        }
    }

    private void CheckValue(ReadOnlySpan<byte> key, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        if (before.IsEmpty)
        {
            Require(after.IsEmpty, "there is a value where there was none");
            return;
        }

        (ValueOutcome outcome, byte[] plaintext) = StoredValues.Open(values, key, request ? after : before);
        if (request)
        {
            _encrypted++;
            Require(outcome == ValueOutcome.Decrypted && before.SequenceEqual(plaintext), "a value is not encrypted for its key");
            return;
        }

        switch (outcome)
        {
            case ValueOutcome.Decrypted:
                _decrypted++;
                Require(after.SequenceEqual(plaintext), "a value is not decrypted");
                break;
            case ValueOutcome.Refused:
                _refused++;
                Require(after.SequenceEqual(EtcdMessages.RefusedValue(key, before)), "plaintext is not refused");
                break;
            default:
                (_passed, _undecryptable) = outcome == ValueOutcome.PassThrough ? (_passed + 1, _undecryptable) : (_passed, _undecryptable + 1);
                Require(after.SequenceEqual(before), "a value that does not open differs");
                break;
        }
    }

    private static ReadOnlySpan<byte> LastKey(ReadOnlySpan<byte> message)
    {
        ReadOnlySpan<byte> key = default;
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            if (reader.Field == 1)
            {
                key = reader.Bytes();
            }
            else
            {
                reader.Skip();
            }
        }

        return key;
    }

    private static EtcdMessage Nested(EtcdMessage kind, int field) => kind switch
    {
        EtcdMessage.TxnRequest when field is 2 or 3 => RequestOp,
        RequestOp when field == 2 => EtcdMessage.PutRequest,
        RequestOp when field == 4 => EtcdMessage.TxnRequest,
        EtcdMessage.RangeResponse or EtcdMessage.PutResponse when field == 2 => Pair,
        EtcdMessage.DeleteRangeResponse when field == 3 => Pair,
        EtcdMessage.RangeStreamResponse when field == 1 => EtcdMessage.RangeResponse,
        EtcdMessage.TxnResponse when field == 3 => ResponseOp,
        ResponseOp => field switch
        {
            1 => EtcdMessage.RangeResponse,
            2 => EtcdMessage.PutResponse,
            3 => EtcdMessage.DeleteRangeResponse,
            4 => EtcdMessage.TxnResponse,
            _ => EtcdMessage.Opaque,
        },
        EtcdMessage.WatchResponse when field == 11 => Event,
        Event when field is 2 or 3 => Pair,
        _ => EtcdMessage.Opaque,
    };

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException(what);
        }
    }
}
