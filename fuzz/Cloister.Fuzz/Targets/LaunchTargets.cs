using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Cloister.LaunchMeasurement;
using Cloister.LaunchMeasurement.Snp;
using Cloister.LaunchMeasurement.Tdx;

namespace Cloister.Fuzz.Targets;

/// <summary>Readers of what a confidential VM is started from: firmware for SEV-SNP and for TDX, and kernels. They start from the vectors' files.</summary>
internal static class LaunchTargets
{
    private static readonly Lazy<JsonNode> Vectors = new(() => JsonNode.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "vectors", "launch-measurement-v1.json")))!);
    private static readonly Lazy<LaunchImage> Image = new(() => new LaunchImage(Bytes(Vectors.Value["image"]!["kernel"]), [new byte[] { 1 }], "quiet"));

    internal static IEnumerable<IFuzzTarget> All =>
    [
        new LaunchTarget("launch-snp", 0x400, () => [Bytes(Vectors.Value["snp"]!["firmware"])], input => SnpLaunch.Measure(input, Image.Value, new SnpMachine(2, 0xA00F11, SnpVmm.Qemu, 1))),
        new LaunchTarget("launch-tdx", 0x400, () => [.. Vectors.Value["tdx"]!["firmware"]!.AsArray().Select(one => Bytes(one!["file"]))], input => TdxLaunch.MeasureFirmware(input)),
        new LaunchTarget("launch-kernel", null, () => [Image.Value.Kernel.ToArray()], input => TdxLaunch.MeasureKernel(new LaunchImage(input, [], ""))),
    ];

    private static byte[] Bytes(JsonNode? base64) => Convert.FromBase64String((string)base64!);

    /// <summary>One of them. What is accepted has a register of 48 bytes, and the same one again.</summary>
    private sealed class LaunchTarget(string name, int? tail, Func<IReadOnlyList<byte[]>> seeds, Func<byte[], byte[]> measure) : IFuzzTarget
    {
        private static readonly uint[] Numbers = [0, 1, 2, 3, 4, 16, 18, 0x1000, 0x1001, 0x7FFFFFFF, 0x80000000, 0xFFFFF000, 0xFFFFFFFF];

        private readonly Lazy<IReadOnlyList<byte[]>> _seeds = new(seeds);

        public string Name => name;

        public IReadOnlyList<byte[]> Seeds => _seeds.Value;

        // A firmware file has whole pages and its structures near its end: what moves them is refused at once and tells nothing.
        public byte[] Mutate(Mutator mutator, IReadOnlyList<byte[]> corpus)
        {
            if (tail is not { } length || mutator.Random.Next(8) == 0)
            {
                return mutator.Mutate(corpus);
            }

            byte[] changed = [.. mutator.Any(corpus)];
            for (int changes = 1 + mutator.Random.Next(4); changes > 0 && changed.Length >= length; changes--)
            {
                Span<byte> at = changed.AsSpan(changed.Length - length + mutator.Random.Next(length - 4));
                switch (mutator.Random.Next(3))
                {
                    case 0:
                        BinaryPrimitives.WriteUInt32LittleEndian(at, mutator.Any(Numbers));
                        break;
                    case 1:
                        BinaryPrimitives.WriteUInt16LittleEndian(at, unchecked((ushort)mutator.Any(Numbers)));
                        break;
                    default:
                        at[0] ^= (byte)(1 << mutator.Random.Next(8));
                        break;
                }
            }

            return changed;
        }

        public bool Run(ReadOnlySpan<byte> input)
        {
            byte[] file = input.ToArray();
            try
            {
                byte[] register = measure(file);
                if (register.Length != 48 || !register.AsSpan().SequenceEqual(measure(file)))
                {
                    throw new InvalidOperationException("a launch measured twice has two measurements");
                }

                return true;
            }
            catch (LaunchFileException e) when (e.Subject is "firmware" or "kernel")
            {
                return false;
            }
        }
    }
}
