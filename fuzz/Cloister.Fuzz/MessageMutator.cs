using System.Buffers;
using Cloister.Contracts.Wire;

namespace Cloister.Fuzz;

/// <summary>Changes Protocol Buffers messages field by field, at any depth, and keeps the lengths around them right; some are written longer than they need be.</summary>
internal static class MessageMutator
{
    private const int MaxDepth = 8;

    /// <param name="mutator">Chooses.</param>
    /// <param name="message">What is changed; as bytes when it is not a message.</param>
    /// <param name="corpus">What fields come from; not empty.</param>
    internal static byte[] Mutate(Mutator mutator, byte[] message, IReadOnlyList<byte[]> corpus) =>
        Fields(message) is { Count: > 0 } fields ? Write(mutator, Mutate(mutator, fields, corpus, 0)) : mutator.Change(message, corpus);

    private static List<Field> Mutate(Mutator mutator, List<Field> fields, IReadOnlyList<byte[]> corpus, int depth) =>
        PieceMutator.Mutate(mutator, fields, Fields(mutator.Any(corpus)) ?? [], field => Change(mutator, field, corpus, depth));

    private static Field Change(Mutator mutator, Field field, IReadOnlyList<byte[]> corpus, int depth)
    {
        if (mutator.Random.Next(8) == 0)
        {
            return field with { Number = mutator.Random.Next(4) == 0 ? 1 + mutator.Random.Next(5000) : 1 + mutator.Random.Next(12) };
        }

        if (field.Type != WireType.LengthDelimited)
        {
            // Values of their own length; a varint's is its last byte without the high bit.
            byte[] changed = [.. field.Content];
            int at = mutator.Random.Next(changed.Length);
            changed[at] ^= (byte)(1 << mutator.Random.Next(7));
            return field with { Content = changed };
        }

        return depth < MaxDepth && Fields(field.Content) is { Count: > 0 } nested
            ? field with { Content = Write(mutator, Mutate(mutator, nested, corpus, depth + 1)) }
            : field with { Content = mutator.Change(field.Content, corpus) };
    }

    private static List<Field>? Fields(byte[] message)
    {
        try
        {
            List<Field> fields = [];
            ProtoReader reader = new(message);
            while (reader.Next())
            {
                int start = reader.Position;
                byte[] content = reader.Type == WireType.LengthDelimited ? reader.Bytes().ToArray() : [];
                if (reader.Type != WireType.LengthDelimited)
                {
                    reader.Skip();
                    content = message[start..reader.Position];
                }

                fields.Add(new Field(reader.Field, reader.Type, content));
            }

            return fields;
        }
        catch (WireException)
        {
            return null;
        }
    }

    private static byte[] Write(Mutator mutator, List<Field> fields)
    {
        ArrayBufferWriter<byte> output = new();
        foreach (Field field in fields)
        {
            Varint(output, ((ulong)field.Number << 3) | (ulong)field.Type, longer: false);
            if (field.Type == WireType.LengthDelimited)
            {
                Varint(output, (ulong)field.Content.Length, longer: mutator.Random.Next(16) == 0);
            }

            output.Write(field.Content);
        }

        return output.WrittenSpan.ToArray();
    }

    private static void Varint(ArrayBufferWriter<byte> output, ulong value, bool longer)
    {
        for (; value >= 0x80; value >>= 7)
        {
            output.Write([(byte)((value & 0x7F) | 0x80)]);
        }

        output.Write(longer ? [(byte)(value | 0x80), 0] : [(byte)value]);
    }

    private readonly record struct Field(int Number, WireType Type, byte[] Content);
}
