using Cloister.Contracts.Wire;

namespace Cloister.Enclave.Gateway;

/// <summary>A key and what stands beside it. Offsets are from the start of the message. secrets: none.</summary>
/// <param name="KeyStart">Offset of the key.</param>
/// <param name="KeyLength">Bytes of the key.</param>
/// <param name="HasValue">There is a value, not an empty one.</param>
/// <param name="ModRevision">mod_revision of a KeyValue.</param>
internal readonly record struct EtcdPair(int KeyStart, int KeyLength, bool HasValue, long ModRevision);

/// <summary>
/// The covered values of one message and the nested messages around them, in the order in which they stand. secrets: none are kept; offsets only.
/// </summary>
internal readonly ref struct EtcdFields(GatewayRules rules, ReadOnlySpan<byte> message, List<EtcdField> found)
{
    // An API server nests none. Bounds the stack.
    internal const int MaxDepth = 32;

    internal ReadOnlySpan<byte> Message { get; } = message;

    internal ReadOnlySpan<byte> Key(EtcdPair pair) => Message.Slice(pair.KeyStart, pair.KeyLength);

    internal ProtoReader Reader(int start, int length) => new(Message.Slice(start, length));

    /// <summary>The message in the reader's current field.</summary>
    /// <returns>Its place among the fields, which children name as their parent.</returns>
    internal int Enter(ref ProtoReader reader, int offset, int parent, out int start, out int length)
    {
        EtcdField field = Read(ref reader, offset, parent, isValue: false);
        (start, length) = (field.Start, field.Length);
        found.Add(field);
        return found.Count - 1;
    }

    /// <summary>Forgets a message with nothing inside that is rewritten.</summary>
    internal void Leave(int self)
    {
        if (found.Count == self + 1)
        {
            found.RemoveAt(self);
        }
    }

    /// <summary>Reads a KeyValue, or a PutRequest, which has a pair too.</summary>
    /// <exception cref="WireException">Malformed.</exception>
    internal EtcdPair Pair(int start, int length, int parent, int valueField)
    {
        int first = found.Count;
        Range key = default;
        long modRevision = 0;
        ProtoReader reader = Reader(start, length);
        while (reader.Next())
        {
            if (reader.Field == EtcdSchema.KeyField)
            {
                key = reader.BytesRange();
            }
            else if (reader.Field == valueField)
            {
                EtcdField value = Read(ref reader, start, parent, isValue: true);

                // Deleted, keys only, or ignore_value: there is no value to protect.
                if (value.Length > 0)
                {
                    found.Add(value);
                }
            }
            else if (reader.Field == EtcdSchema.ModRevisionField && valueField == EtcdSchema.PairValueField)
            {
                modRevision = unchecked((long)reader.Integer());
            }
            else
            {
                reader.Skip();
            }
        }

        // Only now is the key known: it may stand behind the value, and the last one counts.
        (int keyStart, int keyLength) = key.GetOffsetAndLength(length);
        EtcdPair pair = new(start + keyStart, keyLength, found.Count > first, modRevision);
        Settle(first, pair);
        return pair;
    }

    private static EtcdField Read(ref ProtoReader reader, int offset, int parent, bool isValue)
    {
        int lengthAt = offset + reader.Position;
        int length = reader.Bytes().Length;
        return new EtcdField { LengthAt = lengthAt, Start = offset + reader.Position - length, Length = length, Parent = parent, IsValue = isValue };
    }

    private void Settle(int first, EtcdPair pair)
    {
        if (found.Count == first)
        {
            return;
        }

        if (!rules.Covers(Key(pair)))
        {
            found.RemoveRange(first, found.Count - first);
            return;
        }

        for (int i = first; i < found.Count; i++)
        {
            found[i] = found[i] with { KeyStart = pair.KeyStart, KeyLength = pair.KeyLength };
        }
    }
}
