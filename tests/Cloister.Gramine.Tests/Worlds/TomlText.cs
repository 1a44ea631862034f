namespace Cloister.Gramine.Tests.Worlds;

/// <summary>
/// Reads the part of TOML that manifests of Gramine are written in: dotted keys, strings, numbers, booleans, arrays, inline tables, comments. Numbers and booleans
/// stay text. Anything else is an error.
/// </summary>
internal sealed class TomlText(string text)
{
    private int _at;

    internal Dictionary<string, object> ReadAll()
    {
        Dictionary<string, object> values = [];
        for (Skip(); _at < text.Length; Skip())
        {
            ReadPair(values);
        }

        return values;
    }

    private void ReadPair(Dictionary<string, object> values)
    {
        string key = Word();
        Take('=');
        if (!values.TryAdd(key, Value()))
        {
            throw Error($"{key} is there twice");
        }
    }

    private object Value()
    {
        Skip();
        if (TryTake('['))
        {
            List<object> items = [];
            while (!TryTake(']'))
            {
                items.Add(Value());
                TryTake(',');
            }

            return items;
        }

        if (TryTake('{'))
        {
            Dictionary<string, object> table = [];
            while (!TryTake('}'))
            {
                Skip();
                ReadPair(table);
                TryTake(',');
            }

            return table;
        }

        return TryTake('"') ? Quoted() : Word();
    }

    private string Quoted()
    {
        int start = _at;
        _at = text.IndexOf('"', _at) + 1;
        string value = text[start..(_at - 1)];
        return value.AsSpan().ContainsAny('\\', '\n') ? throw Error("a string with an escape or a line end") : value;
    }

    private string Word()
    {
        int start = _at;
        while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] is '.' or '_' or '-'))
        {
            _at++;
        }

        return _at > start ? text[start.._at] : throw Error("a key or value");
    }

    private void Take(char what)
    {
        if (!TryTake(what))
        {
            throw Error($"'{what}'");
        }
    }

    private bool TryTake(char what)
    {
        Skip();
        if (_at >= text.Length || text[_at] != what)
        {
            return false;
        }

        _at++;
        return true;
    }

    private void Skip()
    {
        while (_at < text.Length && (char.IsWhiteSpace(text[_at]) || text[_at] == '#'))
        {
            _at = text[_at] != '#' ? _at + 1 : text.IndexOf('\n', _at) is > 0 and int end ? end : text.Length;
        }
    }

    private FormatException Error(string what) => new($"not what manifests here have, at offset {_at}: {what}");
}
