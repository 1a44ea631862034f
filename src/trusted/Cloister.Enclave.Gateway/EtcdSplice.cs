using System.Buffers;
using System.Numerics;

namespace Cloister.Enclave.Gateway;

/// <summary>
/// Writes a message with some values replaced: only these and the lengths in front of what changed size are written anew. secrets: the
/// values pass through.
/// </summary>
internal static class EtcdSplice
{
    private const int MaxVarintSize = 5;
    private const int MostOnStack = 1024;

    /// <param name="message">The message.</param>
    /// <param name="fields">Fields in the order in which they stand, parents first.</param>
    /// <param name="replacements">For each field that is a value: where its new content stands in <paramref name="values"/>; null leaves it.</param>
    /// <param name="values">The new contents.</param>
    /// <param name="output">Where to append the message.</param>
    internal static void Write(
        ReadOnlySpan<byte> message, List<EtcdField> fields, ReadOnlySpan<Range?> replacements, ReadOnlySpan<byte> values, IBufferWriter<byte> output)
    {
        // Also for a page of Secrets, whose values are most of what is moved.
        Span<int> lengths = fields.Count <= MostOnStack ? stackalloc int[fields.Count] : new int[fields.Count];
        lengths.Clear();
        SetNewLengths(fields, replacements, values.Length, lengths);
        int copied = 0;
        for (int i = 0; i < fields.Count; i++)
        {
            EtcdField field = fields[i];
            if (lengths[i] != field.Length)
            {
                output.Write(message[copied..field.LengthAt]);
                WriteVarint(output, (uint)lengths[i]);
                copied = field.Start;
            }

            if (replacements[i] is { } replacement)
            {
                output.Write(message[copied..field.Start]);
                output.Write(values[replacement]);
                copied = field.Start + field.Length;
            }
        }

        output.Write(message[copied..]);
    }

    // Children stand behind their parents, so backwards every length is complete before it is added to the one around it.
    private static void SetNewLengths(List<EtcdField> fields, ReadOnlySpan<Range?> replacements, int valuesLength, Span<int> lengths)
    {
        for (int i = fields.Count - 1; i >= 0; i--)
        {
            EtcdField field = fields[i];

            // lengths[i] is what the children have added so far.
            lengths[i] = checked(replacements[i] is { } replacement ? replacement.GetOffsetAndLength(valuesLength).Length : field.Length + lengths[i]);
            if (field.Parent >= 0 && lengths[i] != field.Length)
            {
                int lengthBytes = VarintSize((uint)lengths[i]) - (field.Start - field.LengthAt);
                lengths[field.Parent] = checked(lengths[field.Parent] + lengths[i] - field.Length + lengthBytes);
            }
        }
    }

    private static int VarintSize(uint value) => (BitOperations.Log2(value | 1) / 7) + 1;

    private static void WriteVarint(IBufferWriter<byte> output, uint value)
    {
        Span<byte> span = output.GetSpan(MaxVarintSize);
        int length = 0;
        while (value >= 0x80)
        {
            span[length++] = (byte)((value & 0x7F) | 0x80);
            value >>= 7;
        }

        span[length++] = (byte)value;
        output.Advance(length);
    }
}
