namespace Cloister.Contracts.Keys;

/// <summary>Which KEK the Secrets of some namespaces are under.</summary>
/// <param name="Namespaces">At least one: names of namespaces, or beginnings of names with <c>*</c> behind.</param>
/// <param name="Kek">Name of the KEK, as in <see cref="KekIdentity"/>.</param>
public sealed record KekRule(IReadOnlyList<string> Namespaces, string Kek)
{
    private const int MaxNamespace = 63;

    /// <summary>True for the name of a namespace (a DNS label), or a beginning of one with <c>*</c> behind, or <c>*</c> alone.</summary>
    public static bool IsNamespacePattern(string text)
    {
        bool open = text.EndsWith('*');
        string name = open ? text[..^1] : text;
        return name.Length <= MaxNamespace
            && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')
            && !name.StartsWith('-')
            && (open || (name.Length > 0 && !name.EndsWith('-')));
    }
}
