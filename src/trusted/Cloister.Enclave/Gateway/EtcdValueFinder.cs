using Cloister.Contracts.Wire;
using Cloister.Enclave.Rpc;

namespace Cloister.Enclave.Gateway;

/// <summary>
/// Finds the covered values of one message, and the nested messages around them, in the order in which they stand. Reads the whole
/// message before anything is changed. secrets: none are kept; offsets only.
/// </summary>
internal static class EtcdValueFinder
{
    // An API server nests none. Bounds the stack.
    private const int MaxDepth = 32;
    private const ulong CompareValueTarget = 3;

    /// <summary>Adds the fields to an empty list; none when the message stays as it is.</summary>
    /// <exception cref="WireException">Not a well-formed message.</exception>
    /// <exception cref="RpcException">InvalidArgument: a comparison with a covered value.</exception>
    internal static void Find(GatewayRules rules, EtcdMessage kind, ReadOnlySpan<byte> message, List<EtcdField> found) =>
        Visit(new Context(rules, found), kind, message, 0, -1, 0);

    private static void Visit(Context context, EtcdMessage kind, ReadOnlySpan<byte> message, int offset, int parent, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new WireException($"messages are nested deeper than {MaxDepth}", offset);
        }

        if (kind == EtcdMessage.Compare)
        {
            CheckCompare(context.Rules, message);
            return;
        }

        List<EtcdField> found = context.Found;
        int first = found.Count;
        int valueField = EtcdSchema.ValueField(kind);
        Range key = default;
        int seen = 0;
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            if (EtcdSchema.OccursOnce(kind, reader.Field))
            {
                int bit = EtcdSchema.IsOneof(kind) ? 1 : 1 << reader.Field;
                if ((seen & bit) != 0)
                {
                    throw new WireException($"field {reader.Field} occurs again, or beside another of its oneof,", offset + reader.Position);
                }

                seen |= bit;
            }

            EtcdMessage nested = EtcdSchema.Nested(kind, reader.Field);
            if (valueField != 0 && reader.Field == EtcdSchema.KeyField)
            {
                key = reader.BytesRange();
            }
            else if (nested == EtcdMessage.Opaque && (valueField == 0 || reader.Field != valueField))
            {
                reader.Skip();
            }
            else
            {
                int lengthAt = reader.Position;
                ReadOnlySpan<byte> content = reader.Bytes();
                int start = reader.Position - content.Length;
                found.Add(new EtcdField
                {
                    LengthAt = offset + lengthAt,
                    Start = offset + start,
                    Length = content.Length,
                    Parent = parent,
                    IsValue = nested == EtcdMessage.Opaque,
                });
                if (nested != EtcdMessage.Opaque)
                {
                    int self = found.Count - 1;
                    Visit(context, nested, content, offset + start, self, depth + 1);
                    if (found.Count == self + 1)
                    {
                        // Nothing to rewrite inside.
                        found.RemoveAt(self);
                    }
                }
                else if (content.IsEmpty)
                {
                    // Deleted, keys only, or ignore_value: there is no value to protect.
                    found.RemoveAt(found.Count - 1);
                }
            }
        }

        if (valueField != 0)
        {
            // Only now is the key known: it may stand behind the value, and the last one counts.
            (int keyStart, int keyLength) = key.GetOffsetAndLength(message.Length);
            Settle(context, first, offset + keyStart, keyLength, context.Rules.Covers(message.Slice(keyStart, keyLength)));
        }
    }

    private static void Settle(Context context, int first, int keyStart, int keyLength, bool covered)
    {
        List<EtcdField> found = context.Found;
        if (!covered)
        {
            found.RemoveRange(first, found.Count - first);
            return;
        }

        for (int i = first; i < found.Count; i++)
        {
            found[i] = found[i] with { KeyStart = keyStart, KeyLength = keyLength };
        }
    }

    // etcd would compare with the ciphertext, which differs every time: the transaction would silently take the other branch.
    private static void CheckCompare(GatewayRules rules, ReadOnlySpan<byte> message)
    {
        ulong target = 0;
        ReadOnlySpan<byte> key = default;
        ReadOnlySpan<byte> rangeEnd = default;
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2:
                    target = reader.Integer();
                    break;
                case 3:
                    key = reader.Bytes();
                    break;
                case 64:
                    rangeEnd = reader.Bytes();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        // Enumerations are 32 bits wide; what is above is cut off by readers.
        if ((target & uint.MaxValue) == CompareValueTarget && rules.CoversAny(key, rangeEnd))
        {
            throw new RpcException(
                StatusCode.InvalidArgument, "a transaction compares with the value of a key whose values are encrypted, which etcd cannot do; compare its mod_revision");
        }
    }

    private readonly record struct Context(GatewayRules Rules, List<EtcdField> Found);
}
