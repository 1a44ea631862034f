using Cloister.Attestation.Policies;
using YamlDotNet.RepresentationModel;

namespace Cloister.Broker.Host.Configuration;

/// <summary>Fields of a section, parsed from texts: a wrong one is an error with its line, and the others are read all the same.</summary>
internal sealed class SectionReader(MappingReader fields, YamlNode node, PolicyErrors errors)
{
    /// <summary>A text that must be there.</summary>
    public T? Required<T>(string field, Func<string, T> parse)
        where T : class
    {
        if (fields.Take(field) is null)
        {
            Fail(field, "missing");
            return null;
        }

        return Optional(field, parse);
    }

    /// <summary>A text that may be there; null when it is not, or is wrong.</summary>
    public T? Optional<T>(string field, Func<string, T> parse)
        where T : class
    {
        if (fields.Text(field) is not { } text)
        {
            return null;
        }

        try
        {
            return parse(text);
        }
        catch (FormatException e)
        {
            errors.Add(fields.Take(field)!, fields.PathOf(field), e.Message);
            return null;
        }
    }

    /// <summary>Whether a field is there.</summary>
    public bool Has(string field) => fields.Take(field) is not null;

    /// <summary>Whether a field is there and has fields of its own.</summary>
    public bool IsSection(string field) => fields.Take(field) is YamlMappingNode;

    /// <summary>The texts of a list, one at least; wrong ones are left out.</summary>
    public IReadOnlyList<string> Texts(string field, Func<string, string> parse)
    {
        List<string> texts = [];
        foreach (YamlNode item in Items(field))
        {
            try
            {
                texts.Add(parse((item as YamlScalarNode)?.Value ?? ""));
            }
            catch (FormatException e)
            {
                errors.Add(item, fields.PathOf(field), e.Message);
            }
        }

        if (!Items(field).Any())
        {
            Fail(field, "expected a list of one or more");
        }

        return texts;
    }

    /// <summary>A section that may be there.</summary>
    public SectionReader? Section(string field) =>
        fields.Mapping(field) is { } section ? new SectionReader(section, fields.Take(field)!, errors) : null;

    /// <summary>A section that must be there.</summary>
    public SectionReader? RequiredSection(string field, string purpose)
    {
        if (fields.Take(field) is null)
        {
            Fail(field, $"missing: {purpose}");
        }

        return Section(field);
    }

    /// <summary>The sections of a list, or an empty list.</summary>
    public IReadOnlyList<SectionReader> Sections(string field) =>
        [.. Items(field).Select((item, i) => item is YamlMappingNode mapping
            ? new SectionReader(new MappingReader(mapping, $"{fields.PathOf(field)}[{i}]", errors), item, errors)
            : null).OfType<SectionReader>()];

    /// <summary>The texts of a list, each of which must be among <paramref name="known"/>.</summary>
    public IReadOnlyList<string> Words(string field, IReadOnlyCollection<string> known)
    {
        List<string> words = [];
        foreach (YamlNode item in Items(field))
        {
            string word = (item as YamlScalarNode)?.Value ?? "";
            if (!known.Contains(word))
            {
                errors.Add(item, fields.PathOf(field), $"expected of: {string.Join(", ", known)}");
            }

            words.Add(word);
        }

        return words;
    }

    /// <summary>Whether the field is this word, instead of a section.</summary>
    public bool Is(string field, string word) => fields.Take(field) is YamlScalarNode scalar && scalar.Value == word;

    /// <summary>An error at a field, or at the section when the field is not there.</summary>
    public void Fail(string field, string problem) =>
        errors.Add((field.Length > 0 ? fields.Take(field) : null) ?? node, field.Length > 0 ? fields.PathOf(field) : fields.Path, problem);

    /// <summary>Reports fields that nobody took.</summary>
    public void Finish() => fields.Finish();

    /// <summary>A text that is not empty.</summary>
    /// <exception cref="FormatException">It is.</exception>
    public static string NotEmpty(string text) => text.Length > 0 ? text : throw new FormatException("must not be empty");

    /// <summary>An absolute path.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static string AbsolutePath(string text) => Path.IsPathFullyQualified(text) ? text : throw new FormatException("expected an absolute path");

    /// <summary>A URL of a web service.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static Uri HttpUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback)) && url.UserInfo.Length == 0
            ? url
            : throw new FormatException("expected an https URL, or http on loopback");

    /// <summary>A URL of an HTTP proxy.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static Uri ProxyUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https" && url.PathAndQuery == "/" && url.UserInfo.Length == 0
            ? url
            : throw new FormatException("expected http://HOST:PORT of a proxy, without a password in it");

    private IEnumerable<YamlNode> Items(string field)
    {
        YamlNode? list = fields.Take(field);
        if (list is not (null or YamlSequenceNode))
        {
            errors.Add(list, fields.PathOf(field), "expected a list");
        }

        return (list as YamlSequenceNode)?.Children ?? [];
    }
}
