using System.Text.Json;

namespace Cloister.Attestation.Abi.Dcap;

/// <summary>Reads <c>tdxModule</c> and <c>tdxModuleIdentities</c>.</summary>
internal static class TdxModuleReader
{
    private const int MaximumIdentities = 64;

    private static readonly JsonFieldNames ModuleFields = new("tcbInfo.tdxModule", "mrsigner", "attributes", "attributesMask");
    private static readonly JsonFieldNames IdentityFields = new("tcbInfo.tdxModuleIdentities", "mrsigner", "attributes", "attributesMask", "id", "tcbLevels");

    /// <summary>The object whose opening token is current.</summary>
    public static TdxModule Read(ref Utf8JsonReader reader, bool isIdentity)
    {
        byte[] mrSigner = [];
        byte[] attributes = [];
        byte[] mask = [];
        string id = "";
        IReadOnlyList<IsvSvnLevel> levels = [];
        uint seen = 0;
        JsonFieldNames fields = isIdentity ? IdentityFields : ModuleFields;
        for (int field; (field = StrictJson.NextField(ref reader, fields, ref seen)) >= 0;)
        {
            switch (field)
            {
                case 0:
                    mrSigner = StrictJson.Hex(ref reader, fields.PathOf(field), 48);
                    break;
                case 1:
                    attributes = StrictJson.Hex(ref reader, fields.PathOf(field), 8);
                    break;
                case 2:
                    mask = StrictJson.Hex(ref reader, fields.PathOf(field), 8);
                    break;
                case 3:
                    id = StrictJson.Text(ref reader, fields.PathOf(field), 16);
                    break;
                default:
                    levels = IsvSvnLevelReader.Read(ref reader, fields.PathOf(field));
                    break;
            }
        }

        StrictJson.Require(ref reader, fields, seen, isIdentity ? 0b11111u : 0b111u);
        return new TdxModule(id, mrSigner, attributes, mask, levels);
    }

    public static IReadOnlyList<TdxModule> ReadIdentities(ref Utf8JsonReader reader, string path)
    {
        List<TdxModule> identities = [];
        StrictJson.BeginArray(ref reader, path);
        while (StrictJson.NextElement(ref reader, path))
        {
            if (reader.TokenType != JsonTokenType.StartObject || identities.Count == MaximumIdentities)
            {
                throw StrictJson.Error(ref reader, path, "not a list of module identities");
            }

            TdxModule module = Read(ref reader, isIdentity: true);
            if (identities.Exists(m => string.Equals(m.Id, module.Id, StringComparison.OrdinalIgnoreCase)))
            {
                throw StrictJson.Error(ref reader, path, $"two identities '{module.Id}'");
            }

            identities.Add(module);
        }

        return identities;
    }
}
