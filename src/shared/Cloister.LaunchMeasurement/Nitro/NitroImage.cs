using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cloister.LaunchMeasurement.Nitro;

/// <summary>What the section of metadata says: for people, and not measured.</summary>
/// <param name="Name">Of the image.</param>
/// <param name="Version">Of the image.</param>
/// <param name="Kernel">Version of its kernel.</param>
public sealed record NitroMetadata(string Name, string Version, string Kernel);

/// <summary>PCR0 to PCR2 of an enclave, each 48 bytes.</summary>
/// <param name="Pcr0">Kernel, command line, all of the initrd.</param>
/// <param name="Pcr1">Kernel, command line, the first part of the initrd.</param>
/// <param name="Pcr2">The other parts.</param>
public sealed record NitroRegisters(byte[] Pcr0, byte[] Pcr1, byte[] Pcr2);

/// <summary>
/// An enclave image file (EIF) of AWS Nitro Enclaves, version 4, for x86-64 and without a signature: header of 548 bytes, then sections with headers of 12: kernel, command line, metadata, parts of the initrd.
/// Source: aws/aws-nitro-enclaves-image-format, README, "Enclave Image File (EIF) Specification". Integers big-endian. The same image gives the same bytes: the build time in the metadata is a constant.
/// </summary>
public static class NitroImage
{
    internal const int HeaderSize = 548;
    internal const int SectionHeaderSize = 12;
    internal const int MaximumSections = 32;

    private const ushort Version = 4;
    private const ushort Kernel = 1;
    private const ushort CommandLine = 2;
    private const ushort Ramdisk = 3;
    private const ushort Metadata = 5;
    private const ulong DefaultMemory = 1ul << 30;
    private const ulong DefaultCpus = 2;

    // As AWS writes it: a plus sign is no escape.
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the file.</summary>
    /// <returns>Its bytes.</returns>
    /// <exception cref="LaunchFileException">There is no initrd, or too many parts of one.</exception>
    public static byte[] Write(LaunchImage image, NitroMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(metadata);
        Check(image);
        return Assemble(0, [(Kernel, image.Kernel), (CommandLine, image.CommandLineBytes), (Metadata, Describe(metadata)), .. image.Ramdisks.Select(part => (Ramdisk, part))]);
    }

    /// <summary>
    /// The registers. Each is SHA-384 of 48 zeros and SHA-384 of the sections that it covers, one after another without their headers. PCR8, of the certificate that signed, is zeros without a signature.
    /// </summary>
    /// <exception cref="LaunchFileException">There is no initrd, or too many parts of one.</exception>
    public static NitroRegisters Measure(LaunchImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        Check(image);
        return new NitroRegisters(
            Register([image.Kernel, image.CommandLineBytes, .. image.Ramdisks]), Register([image.Kernel, image.CommandLineBytes, image.Ramdisks[0]]), Register([.. image.Ramdisks.Skip(1)]));
    }

    /// <summary>A file from its sections, in their order.</summary>
    internal static byte[] Assemble(ushort flags, IReadOnlyList<(ushort Type, ReadOnlyMemory<byte> Data)> sections)
    {
        long size = HeaderSize + sections.Sum(section => SectionHeaderSize + (long)section.Data.Length);
        if (size > Array.MaxLength)
        {
            throw new LaunchFileException("image", "kernel and initrd are too large together for one file");
        }

        byte[] file = new byte[size];
        Span<byte> header = file.AsSpan(0, HeaderSize);
        ".eif"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], Version);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], flags);
        BinaryPrimitives.WriteUInt64BigEndian(header[8..], DefaultMemory);
        BinaryPrimitives.WriteUInt64BigEndian(header[16..], DefaultCpus);
        BinaryPrimitives.WriteUInt16BigEndian(header[26..], (ushort)sections.Count);
        int at = HeaderSize;
        for (int i = 0; i < sections.Count; i++)
        {
            (ushort type, ReadOnlyMemory<byte> data) = sections[i];
            BinaryPrimitives.WriteUInt64BigEndian(header[(28 + (8 * i))..], (ulong)at);
            BinaryPrimitives.WriteUInt64BigEndian(header[(28 + (8 * MaximumSections) + (8 * i))..], (ulong)data.Length);
            BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(at), type);
            BinaryPrimitives.WriteUInt64BigEndian(file.AsSpan(at + 4), (ulong)data.Length);
            data.Span.CopyTo(file.AsSpan(at + SectionHeaderSize));
            at += SectionHeaderSize + data.Length;
        }

        // The checksum covers everything but itself, the last field of the header.
        uint crc = Crc32.Update(Crc32.Update(0, header[..^4]), file.AsSpan(HeaderSize));
        BinaryPrimitives.WriteUInt32BigEndian(header[^4..], crc);
        return file;
    }

    private static void Check(LaunchImage image)
    {
        if (image.Ramdisks.Count is 0 or > MaximumSections - 3)
        {
            throw new LaunchFileException("initrd", image.Ramdisks.Count == 0 ? "is missing: a Nitro enclave has no other file system" : $"has more than {MaximumSections - 3} parts");
        }
    }

    private static byte[] Register(IReadOnlyList<ReadOnlyMemory<byte>> sections)
    {
        using IncrementalHash contents = IncrementalHash.CreateHash(HashAlgorithmName.SHA384);
        foreach (ReadOnlyMemory<byte> section in sections)
        {
            contents.AppendData(section.Span);
        }

        return SHA384.HashData([.. new byte[48], .. contents.GetHashAndReset()]);
    }

    private static byte[] Describe(NitroMetadata metadata)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, Plain))
        {
            json.WriteStartObject();
            json.WriteString("ImageName", metadata.Name);
            json.WriteString("ImageVersion", metadata.Version);
            json.WriteStartObject("BuildMetadata");
            json.WriteString("BuildTime", "1970-01-01T00:00:00+00:00");
            json.WriteString("BuildTool", "cloister");
            json.WriteString("BuildToolVersion", metadata.Version);
            json.WriteString("OperatingSystem", "Linux");
            json.WriteString("KernelVersion", metadata.Kernel);
            json.WriteEndObject();
            json.WriteStartObject("DockerInfo");
            json.WriteEndObject();

            // Optional in the specification, required by AWS's reader of it.
            json.WriteStartObject("CustomMetadata");
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}
