using System.Formats.Asn1;

namespace Cloister.Simulator.Dcap;

/// <summary>Writes the SGX extension of PCK certificates.</summary>
internal static class PckExtensionWriter
{
    public const string Oid = "1.2.840.113741.1.13.1";

    public static byte[] Write(DcapPlatformRequest platform)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            Item(writer, ".1", w => w.WriteOctetString(platform.Ppid.Span));
            Item(writer, ".2", w => WriteTcb(w, platform));
            Item(writer, ".3", w => w.WriteOctetString(platform.PceId.Span));
            Item(writer, ".4", w => w.WriteOctetString(platform.Fmspc.Span));
            Item(writer, ".5", w => w.WriteEncodedValue([0x0A, 0x01, (byte)platform.SgxType]));
            if (!platform.PlatformInstanceId.IsEmpty)
            {
                Item(writer, ".6", w => w.WriteOctetString(platform.PlatformInstanceId.Span));
                Item(writer, ".7", WriteConfiguration);
            }
        }

        return writer.Encode();
    }

    private static void WriteTcb(AsnWriter writer, DcapPlatformRequest platform)
    {
        using (writer.PushSequence())
        {
            for (int i = 0; i < 16; i++)
            {
                byte component = platform.TcbComponents.Span[i];
                Item(writer, $".2.{i + 1}", w => w.WriteInteger(component));
            }

            Item(writer, ".2.17", w => w.WriteInteger(platform.PceSvn));
            Item(writer, ".2.18", w => w.WriteOctetString(platform.TcbComponents.Span));
        }
    }

    private static void WriteConfiguration(AsnWriter writer)
    {
        using (writer.PushSequence())
        {
            Item(writer, ".7.1", w => w.WriteBoolean(true));
            Item(writer, ".7.2", w => w.WriteBoolean(false));
            Item(writer, ".7.3", w => w.WriteBoolean(true));
        }
    }

    private static void Item(AsnWriter writer, string suffix, Action<AsnWriter> value)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(Oid + suffix);
            value(writer);
        }
    }
}
